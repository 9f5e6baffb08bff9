"""What a source of pictures is, before any of them is decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
from PIL import Image


class Pictures(Protocol):
    """Named pictures by number. `open` may be lazy, as PIL's is: first the size, pixels on demand."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str: ...

    def open(self, index: int) -> Image.Image: ...


CropSides = Callable[[int], tuple[float, float]]
"""Short side of a picture in pixels -> smallest and largest side of its training crops, in pixels."""


class Source(NamedTuple):
    """Pictures to train on and to test on, and the rules that chose them, in words."""

    train: Pictures
    test: Pictures
    split: str
    crop_sides: CropSides
    crop_rule: str


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


def take_evenly(pictures: Pictures, limit: int | None) -> Pictures:
    """At most `limit` of the pictures, evenly spaced, so that a set sorted by class keeps its classes."""
    if limit is None or limit >= len(pictures):
        return pictures
    return Subset(pictures, (np.arange(limit) * len(pictures) // limit).tolist())


def fraction_of_short_side(min_crop: float, short_side: int) -> tuple[float, float]:
    """Crop sides from `min_crop` of the short side to the whole of it."""
    return min_crop * short_side, float(short_side)


def split_by_source(train: Pictures, test: Pictures, split: str, min_crop: float) -> Source:
    """Whole pictures whose split is their own; training crops are a fraction of the short side."""
    crop_rule = f"square, side uniform in [{min_crop:g}, 1] of the short side, random place, bicubic"
    return Source(train, test, split, partial(fraction_of_short_side, min_crop), crop_rule)


def split_every_fifth(pictures: Pictures, order: str, min_crop: float) -> Source:
    """The same of pictures that come without a split, by a rule. `order` says how they are sorted."""
    numbers = range(len(pictures))
    train, test = (
        Subset(pictures, [number for number in numbers if number % 5]),
        Subset(pictures, numbers[::5]),
    )
    rule = f"every fifth picture by {order} is test (index % 5 == 0), the others train"
    return split_by_source(train, test, rule, min_crop)
