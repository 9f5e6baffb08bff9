"""What a source of pictures is, before any of them is decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, Protocol

import numpy as np
from PIL import Image

from benchmarks.data.checking import Usable
from benchmarks.data.config import DataError
from benchmarks.data.division import Division, Part
from storage.paths import printable

MOST_CLASSES = 2**20
"""Classes that are numbers are fewer: what is larger is something else."""


class Pictures(Protocol):
    """Named pictures by number. `open` may be lazy, as PIL's is: first the size, pixels on demand. `stored` gives the
    bytes that one which is open comes from; where there are none but its pixels, those. `class_of` gives the name of a
    picture's class, or the number where the data set numbers them; it raises DataError where none is known."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str: ...

    def open(self, index: int) -> Image.Image: ...

    def stored(self, index: int, picture: Image.Image) -> BinaryIO: ...

    def class_of(self, index: int) -> str | int: ...


CropSides = Callable[[int], tuple[float, float]]
"""Short side of a picture in pixels -> smallest and largest side of its training crops, in pixels."""


@dataclass(frozen=True)
class Source:
    """Pictures to train on and to test on, and the rules that chose them, in words.

    Attributes:
        open_train: Opens those to train on, which a mere test has no need of. Raises DataError where there are none.
        test: Those to test on.
        split: What trains and what tests.
        crop_sides: Of training crops.
        crop_rule: The same in words.
        unsplit: All of them in their order, where they come without a part to test on and a rule chose it.
        others: Splits that come with them and neither train nor test.
        classes: Names of the classes by number, where the data set has them.
    """

    open_train: Callable[[], Pictures]
    test: Pictures
    split: str
    crop_sides: CropSides
    crop_rule: str
    unsplit: Pictures | None = None
    others: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    @property
    def choice(self) -> str:
        """The split and what else could be chosen, for the screen."""
        return self.split + (f"; not taken: {', '.join(self.others)}" if self.others else "")

    @property
    def measured(self) -> Part:
        """What is to be measured unless somebody says otherwise: all pictures, or the part that they come with for
        tests."""
        return "test" if self.unsplit is None else "all"

    def part(self, part: Part) -> Pictures:
        """The pictures of a part. Raises DataError where there are none."""
        if part == "train":
            return self.open_train()
        if part == "test":
            return self.test
        return Joined(self.open_train(), self.test) if self.unsplit is None else self.unsplit

    def class_names(self) -> tuple[str, ...]:
        """Names of the classes of both parts, by label: a label means the same in each. The data set's own where it has
        them; of mere numbers all up to the largest; else the names that its pictures have, sorted.

        Raises DataError where the class of a picture is not known.
        """
        if self.classes:
            return self.classes
        everything = self.part("all")
        found = {everything.class_of(number) for number in range(len(everything))}
        names = sorted(printable(name) for name in found if isinstance(name, str))
        numbers = [number for number in found if isinstance(number, int)]
        if names and numbers:
            raise DataError(f"some classes are numbers, as {numbers[0]}, and some are names, as {names[0]}")
        if numbers and max(numbers) >= MOST_CLASSES:
            raise DataError(f"{max(numbers)} is no number of a class: these go from 0 to {MOST_CLASSES - 1}")
        return tuple(names) if names else tuple(map(str, range(max(numbers) + 1)))

    def words(self, part: Part) -> str:
        """What a part is."""
        return "all pictures" if part == "all" else self.split


@dataclass(frozen=True)
class Subset:
    """Some of the pictures."""

    pictures: Pictures
    indices: Sequence[int]

    def __len__(self) -> int:
        return len(self.indices)

    def name(self, index: int) -> str:
        return self.pictures.name(self.indices[index])

    def open(self, index: int) -> Image.Image:
        return self.pictures.open(self.indices[index])

    def stored(self, index: int, picture: Image.Image) -> BinaryIO:
        return self.pictures.stored(self.indices[index], picture)

    def class_of(self, index: int) -> str | int:
        return self.pictures.class_of(self.indices[index])


@dataclass(frozen=True)
class Joined:
    """Some pictures and then others."""

    first: Pictures
    second: Pictures

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def _at(self, index: int) -> tuple[Pictures, int]:
        return (self.first, index) if index < len(self.first) else (self.second, index - len(self.first))

    def name(self, index: int) -> str:
        pictures, place = self._at(index)
        return pictures.name(place)

    def open(self, index: int) -> Image.Image:
        pictures, place = self._at(index)
        return pictures.open(place)

    def stored(self, index: int, picture: Image.Image) -> BinaryIO:
        pictures, place = self._at(index)
        return pictures.stored(place, picture)

    def class_of(self, index: int) -> str | int:
        pictures, place = self._at(index)
        return pictures.class_of(place)


def usable_of(pictures: Pictures, usable: Usable[Any]) -> Pictures:
    """Those of the pictures that worked."""
    return Subset(pictures, list(usable.results)) if usable.skipped else pictures


def take_evenly(pictures: Pictures, limit: int | None) -> Pictures:
    """At most `limit` of the pictures, evenly spaced, so that a set sorted by class keeps its classes."""
    if limit is None or limit >= len(pictures):
        return pictures
    return Subset(pictures, (np.arange(limit) * len(pictures) // limit).tolist())


def fraction_of_short_side(min_crop: float, short_side: int) -> tuple[float, float]:
    """Crop sides from `min_crop` of the short side to the whole of it."""
    return min_crop * short_side, float(short_side)


def source_of(division: Division[Pictures], min_crop: float) -> Source:
    """Whole pictures; training crops are squares of at least `min_crop` of the short side."""
    return Source(
        division.open_train,
        division.test,
        division.split,
        partial(fraction_of_short_side, min_crop),
        f"square, side uniform in [{min_crop:g}, 1] of the short side, random place, bicubic",
        unsplit=None if division.comes_split else division.open_all(),
        others=division.others,
        classes=division.classes,
    )
