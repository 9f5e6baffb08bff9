"""One picture as a texture: squares of it at its own scale, those to train on and those to test on sharing no pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from benchmarks.data.checking import reason
from benchmarks.data.config import DataConfig, DataError
from benchmarks.data.division import require_splits
from benchmarks.data.picture_files import FORMATS
from benchmarks.data.pictures import Joined, Source
from benchmarks.data.sizes import written
from benchmarks.data.transforms import to_rgb

TRAIN_SQUARES, TEST_SQUARES = 4096, 256
TRAIN_SHARE = 0.8
"""Of the picture's width, from the left."""


@dataclass(frozen=True)
class Squares:
    """Squares of a picture in memory, by the places (left, top) of their corners."""

    picture: Image.Image
    size: int
    corners: Sequence[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.corners)

    def name(self, index: int) -> str:
        left, top = self.corners[index]
        return f"{left}, {top}"

    def open(self, index: int) -> Image.Image:
        left, top = self.corners[index]
        return self.picture.crop((left, top, left + self.size, top + self.size))

    def stored(self, index: int, picture: Image.Image) -> BinaryIO:
        return BytesIO(picture.tobytes())

    def class_of(self, index: int) -> str:
        raise DataError("the squares of a texture have no classes")


def open_texture(config: DataConfig, name: str, splits: Sequence[str] = ()) -> Source:
    """The squares of the picture in the file of that name. DataError where it is none or too small."""
    require_splits(splits, (), f"texture:{name}")
    size = config.image_size
    try:
        with Image.open(Path(name).expanduser(), formats=FORMATS) as file:
            picture = to_rgb(file)
    except Exception as error:  # decoders raise whatever they meet
        raise DataError(f"texture:{name} is no picture that can be read ({reason(error)})") from error
    middle = round(TRAIN_SHARE * picture.width)
    if picture.height < size or picture.width - middle < size:
        least = written((size, round(size / (1 - TRAIN_SHARE))))
        got = written((picture.height, picture.width))
        raise DataError(f"texture:{name} has {got} pixels, for squares of {size} it must have {least} at least")
    train = Squares(picture, size, corners(0, middle, picture.height, size, TRAIN_SQUARES))
    test = Squares(picture, size, corners(middle, picture.width, picture.height, size, TEST_SQUARES))
    return Source(
        open_train=lambda: train,
        test=test,
        open_all=lambda: Joined(train, test),
        comes_split=True,
        split=f"one picture: of its left {TRAIN_SHARE:.0%} {TRAIN_SQUARES:,} squares train, of the rest {TEST_SQUARES} "
        "test, places by a Halton sequence",
        crop_sides=lambda short_side: (short_side, short_side),
        crop_rule="the squares as they are",
    )


def corners(first: int, last: int, height: int, size: int, count: int) -> list[tuple[int, int]]:
    """(left, top) of so many squares between two columns, at the places of a Halton sequence."""
    from scipy.stats import qmc  # takes a second, for which other data do not wait

    places = qmc.Halton(2, scramble=False).random(count)
    return [(first + int(x * (last - first - size + 1)), int(y * (height - size + 1))) for x, y in places]
