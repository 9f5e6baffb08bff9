"""The natural colour photographs inside the wheels of scikit-image and scikit-learn: data on every machine.

Each photograph has one part to train on and another to test on, which share no pixel. Crops are 96 to 256
pixels wide before they are shrunk: at native scale most small crops would be nearly flat.
Left out: pictures that are no scenes (retina, Hubble, histology, text, textures), and the second motorcycle
picture, which shows the first one's scene.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from PIL import Image

from benchmarks.data.config import DataConfig, DataError
from benchmarks.data.division import require_splits
from benchmarks.data.pictures import Joined, Source
from benchmarks.data.transforms import to_rgb

SMALLEST_CROP, LARGEST_CROP = 96, 256
TEST_CROPS_EACH = 28


Box = tuple[int, int, int, int]
"""(left, top, right, bottom) in pixels, right and bottom just outside."""


class Photograph(NamedTuple):
    """A file in an installed package, its part to train on and its part to test on."""

    package: str
    path: str
    train: Box
    test: Box


# Chosen by eye: something to see on both sides, few crops of mere sky; training parts of at least 256 pixels.
PHOTOGRAPHS = (
    Photograph("skimage", "data/astronaut.png", (0, 0, 310, 512), (310, 0, 512, 512)),
    Photograph("skimage", "data/chelsea.png", (190, 0, 451, 300), (0, 0, 190, 300)),
    Photograph("skimage", "data/coffee.png", (0, 0, 340, 400), (340, 0, 600, 400)),
    Photograph("skimage", "data/motorcycle_left.png", (0, 0, 440, 500), (440, 0, 741, 500)),
    Photograph("skimage", "data/rocket.jpg", (0, 0, 350, 427), (350, 190, 640, 427)),
    Photograph("sklearn", "datasets/images/china.jpg", (220, 80, 640, 427), (0, 60, 220, 427)),
    Photograph("sklearn", "datasets/images/flower.jpg", (310, 40, 570, 427), (120, 50, 310, 427)),
)


@cache
def load(photograph: Photograph) -> Image.Image:
    """The whole photograph, in RGB. Raises DataError where the package came without it."""
    package = find_spec(photograph.package)  # does not import the package: that would take a second
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder) / photograph.path
        if path.is_file():
            with Image.open(path) as picture:
                return to_rgb(picture)
    raise DataError(
        f"the installed {photograph.package} has no {photograph.path}: install its wheel from PyPI, "
        "or name a folder of pictures as the data source"
    )


def size_of(box: Box) -> tuple[int, int]:
    """(width, height)."""
    left, top, right, bottom = box
    return right - left, bottom - top


def crop_sides(image_size: int, short_side: int) -> tuple[int, int]:
    """Smallest and largest crop, in pixels, of a part with this short side."""
    return max(SMALLEST_CROP, image_size), min(LARGEST_CROP, short_side)


def square_box(part: Box, image_size: int, number: int) -> Box:
    """The square of this number in a test part: the points of a Halton sequence give its size and place."""
    from scipy.stats import qmc  # takes a second, for which other data do not wait

    width, height = size_of(part)
    smallest, largest = crop_sides(image_size, min(width, height))
    size, x, y = qmc.Halton(3, scramble=False).fast_forward(number).random()[0]
    side = round(smallest + size * (largest - smallest))
    left, top = part[0] + round(x * (width - side)), part[1] + round(y * (height - side))
    return left, top, left + side, top + side


@dataclass(frozen=True)
class Crops:
    """Boxes of photographs. What is outside a box has no part in its picture, however that is resized."""

    boxes: Sequence[tuple[Photograph, Box]]

    def __len__(self) -> int:
        return len(self.boxes)

    def name(self, index: int) -> str:
        photograph, box = self.boxes[index]
        return f"{Path(photograph.path).name} {box}"

    def open(self, index: int) -> Image.Image:
        photograph, box = self.boxes[index]
        return load(photograph).crop(box)

    def stored(self, index: int, picture: Image.Image) -> BinaryIO:
        return BytesIO(picture.tobytes())

    def class_of(self, index: int) -> str:
        raise DataError("the bundled photographs have no classes")


def open_photographs(config: DataConfig, splits: Sequence[str] = ()) -> Source:
    """The bundled photographs. Raises DataError for an image size that they cannot give, and for other splits."""
    require_splits(splits, (), "photographs")
    size = config.image_size
    largest = min(min(size_of(box)) for photograph in PHOTOGRAPHS for box in (photograph.train, photograph.test))
    if size > largest:
        raise DataError(
            f"the bundled photographs give pictures of at most {largest} px, image_size is {size}: "
            "name a folder of larger pictures as the data source"
        )
    test = [
        (photograph, square_box(photograph.test, size, number))
        for number in range(TEST_CROPS_EACH)
        for photograph in PHOTOGRAPHS
    ]
    sizes = f"{max(SMALLEST_CROP, size)} to {LARGEST_CROP} px"
    train = Crops([(photograph, photograph.train) for photograph in PHOTOGRAPHS])
    return Source(
        open_train=lambda: train,
        test=Crops(test),
        open_all=lambda: Joined(train, Crops(test)),
        comes_split=True,
        split="one part of each photograph trains, another tests: "
        f"{TEST_CROPS_EACH} squares of {sizes}, sizes and places by a Halton sequence",
        crop_sides=partial(crop_sides, size),
        crop_rule=f"square of {sizes}, random place, bicubic",
    )
