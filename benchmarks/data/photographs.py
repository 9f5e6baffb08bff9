"""The natural colour photographs inside the wheels of scikit-image and scikit-learn: data on every machine.

Each photograph is cut by one vertical line: pixels left of it train, pixels right of it test; none is shared.
Crops are 96 to 256 pixels wide before they are shrunk; at native scale most small crops would be nearly flat.
Left out: pictures that are no scenes (retina, Hubble, histology, text, textures), and the second motorcycle
picture, which shows the first one's scene.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from scipy.stats import qmc

from benchmarks.data.config import DataConfig, DataError
from benchmarks.data.pictures import Source
from benchmarks.data.transforms import to_rgb

SMALLEST_CROP, LARGEST_CROP = 96, 256
TEST_CROPS_EACH = 28


class Photograph(NamedTuple):
    """A file in an installed package, and the column where its test part begins."""

    package: str
    path: str
    cut: int


# The cuts leave both parts something to look at, and the training part at least 256 pixels.
PHOTOGRAPHS = (
    Photograph("skimage", "data/astronaut.png", 310),
    Photograph("skimage", "data/chelsea.png", 270),
    Photograph("skimage", "data/coffee.png", 360),
    Photograph("skimage", "data/motorcycle_left.png", 440),
    Photograph("skimage", "data/rocket.jpg", 400),
    Photograph("sklearn", "datasets/images/china.jpg", 320),
    Photograph("sklearn", "datasets/images/flower.jpg", 320),
)


def load(photograph: Photograph) -> Image.Image:
    """The whole photograph, in RGB. Raises DataError where the package came without it."""
    package = find_spec(photograph.package)  # does not import the package: that would take a second
    folders = (package.submodule_search_locations if package else None) or ()
    for folder in folders:
        path = Path(folder) / photograph.path
        if path.is_file():
            with Image.open(path) as picture:
                return to_rgb(picture)
    raise DataError(
        f"the installed {photograph.package} has no {photograph.path}: install its wheel from PyPI, "
        "or name a folder of pictures as the data source"
    )


@cache
def parts(photograph: Photograph) -> tuple[Image.Image, Image.Image]:
    """(training part, test part) of the photograph, as pictures of their own."""
    picture = load(photograph)
    train = picture.crop((0, 0, photograph.cut, picture.height))
    test = picture.crop((photograph.cut, 0, picture.width, picture.height))
    return train, test


def crop_sides(image_size: int, short_side: int) -> tuple[int, int]:
    """Smallest and largest crop, in pixels, of a part whose short side is given."""
    return max(SMALLEST_CROP, image_size), min(LARGEST_CROP, short_side)


class TrainingParts:
    """The training part of each photograph."""

    def __len__(self) -> int:
        return len(PHOTOGRAPHS)

    def name(self, index: int) -> str:
        return f"{Path(PHOTOGRAPHS[index].path).name}, left of column {PHOTOGRAPHS[index].cut}"

    def open(self, index: int) -> Image.Image:
        return parts(PHOTOGRAPHS[index])[0]


@dataclass(frozen=True)
class TestCrops:
    """Fixed squares of the test parts: photographs in turn, sizes and places spread by a Halton sequence."""

    image_size: int

    def __len__(self) -> int:
        return TEST_CROPS_EACH * len(PHOTOGRAPHS)

    def box(self, index: int) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) of the crop within its test part."""
        number, photograph = divmod(index, len(PHOTOGRAPHS))
        part = parts(PHOTOGRAPHS[photograph])[1]
        smallest, largest = crop_sides(self.image_size, min(part.size))
        size, x, y = qmc.Halton(3, scramble=False).fast_forward(number).random()[0]
        side = round(smallest + size * (largest - smallest))
        left, top = round(x * (part.width - side)), round(y * (part.height - side))
        return left, top, left + side, top + side

    def name(self, index: int) -> str:
        photograph = PHOTOGRAPHS[index % len(PHOTOGRAPHS)]
        left, top, right, bottom = self.box(index)
        return f"{Path(photograph.path).name} {photograph.cut + left},{top},{photograph.cut + right},{bottom}"

    def open(self, index: int) -> Image.Image:
        return parts(PHOTOGRAPHS[index % len(PHOTOGRAPHS)])[1].crop(self.box(index))


@dataclass(frozen=True)
class TrainingCropSides:
    """`crop_sides` at one image size."""

    image_size: int

    def __call__(self, short_side: int) -> tuple[float, float]:
        return crop_sides(self.image_size, short_side)


def open_photographs(config: DataConfig) -> Source:
    """The bundled photographs. Raises DataError for an image size that they cannot give."""
    largest = min(min(part.size) for photograph in PHOTOGRAPHS for part in parts(photograph))
    if config.image_size > largest:
        raise DataError(
            f"the bundled photographs give pictures of at most {largest} px, "
            f"image_size is {config.image_size}: name a folder of larger pictures as the data source"
        )
    smallest, _ = crop_sides(config.image_size, largest)
    return Source(
        train=TrainingParts(),
        test=TestCrops(config.image_size),
        split="each photograph cut at one column: left of it trains, right of it tests; test crops "
        f"of {smallest} to {LARGEST_CROP} px by a Halton sequence",
        crop_sides=TrainingCropSides(config.image_size),
        crop_rule=f"square of {smallest} to {LARGEST_CROP} px, random place, bicubic",
    )
