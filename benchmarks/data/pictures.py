"""What a source of pictures is, before any of them is decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO, Protocol

from PIL import Image

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


@dataclass(frozen=True, kw_only=True)
class Source(Division[Pictures]):
    """Pictures to train on and to test on, and how training crops are cut.

    Attributes:
        crop_sides: Of training crops.
        crop_rule: The same in words.
    """

    crop_sides: CropSides
    crop_rule: str

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


def fraction_of_short_side(min_crop: float, short_side: int) -> tuple[float, float]:
    """Crop sides from `min_crop` of the short side to the whole of it."""
    return min_crop * short_side, float(short_side)


def source_of(division: Division[Pictures], min_crop: float) -> Source:
    """Whole pictures, of all those that train first where these are a part; training crops are squares of at least
    `min_crop` of the short side."""

    def open_all() -> Pictures:
        return Joined(division.open_train(), division.test) if division.comes_split else division.open_all()

    return Source(
        **vars(replace(division, open_all=open_all)),
        crop_sides=partial(fraction_of_short_side, min_crop),
        crop_rule=f"square, side uniform in [{min_crop:g}, 1] of the short side, random place, bicubic",
    )
