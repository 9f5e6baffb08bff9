"""Pictures as map-style data sets of uint8 tensors: random crops to train on, protocol crops to test on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from jaxtyping import UInt8
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from benchmarks.data.checking import next_usable
from benchmarks.data.pictures import CropSides, Pictures
from benchmarks.data.sampling import SampleKey, crop_random
from benchmarks.data.sizes import PictureSize
from benchmarks.data.transforms import (
    centre_crop,
    kept_side,
    random_crop,
    require_size,
    scaled_size,
    to_rgb,
    to_tensor,
)


class Decoded(NamedTuple):
    """A training picture ready to be cropped, and the range of its crops' sides in its own pixels."""

    picture: Image.Image
    crop_sides: tuple[float, float]


@dataclass(frozen=True)
class Decoder:
    """Reads training pictures and shrinks them to what their crops need."""

    pictures: Pictures
    image_size: int
    crop_sides: CropSides

    def _plan(self, picture: Image.Image) -> tuple[float, float, int]:
        """(smallest crop, largest crop, short side to keep) in pixels of the picture as stored."""
        require_size(picture, self.image_size)
        short_side = min(picture.size)
        low, high = self.crop_sides(short_side)
        low = max(low, self.image_size)  # a crop is never enlarged
        return low, high, kept_side(short_side, self.image_size, low)

    def size(self, picture: Image.Image) -> tuple[int, int]:
        """(width, height) once decoded, up to a turn, known from the file's head. ValueError if too small."""
        return scaled_size(picture, self._plan(picture)[2])

    def __call__(self, index: int) -> Decoded:
        """Decode one picture. Raises what PIL raises for a broken file, ValueError if it is too small."""
        with self.pictures.open(index) as picture:
            low, high, kept = self._plan(picture)
            scale = kept / min(picture.size)
            picture.draft(None, scaled_size(picture, kept))  # a far larger JPEG is decoded at 1/2, 1/4 or 1/8
            rgb = to_rgb(picture)
        if min(rgb.size) > kept:
            rgb = rgb.resize(scaled_size(rgb, kept), Image.Resampling.BICUBIC)
        return Decoded(rgb, (low * scale, min(high * scale, kept)))


@dataclass(frozen=True)
class TrainingPictures(Dataset[UInt8[Tensor, "3 size size"]]):
    """Random square crops, one for each sample key; `len` is the number of pictures."""

    decoder: Decoder
    flip: bool
    decoded: Mapping[int, Decoded] | None
    """The pictures that can be decoded, by number, where memory holds them."""

    def __len__(self) -> int:
        return len(self.decoder.pictures)

    def __getitem__(self, key: SampleKey) -> UInt8[Tensor, "3 size size"]:
        pictures = self.decoder.pictures
        picture, sides = next_usable(pictures, key.item, self.decoded, self.decoder, "picture")
        return to_tensor(random_crop(picture, self.decoder.image_size, sides, self.flip, crop_random(key)))


@dataclass(frozen=True)
class TestPictures(Dataset[UInt8[Tensor, "3 h w"]]):
    """The protocol's crop of each test picture."""

    __test__ = False  # pytest: no test, though its name begins so

    pictures: Pictures
    size: PictureSize
    crops: UInt8[Tensor, "pictures 3 h w"] | None
    """All crops, where memory holds them."""

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> UInt8[Tensor, "3 h w"]:
        return protocol_crop(self.pictures, self.size, index) if self.crops is None else self.crops[index]

    def name(self, index: int) -> str:
        """Of a picture."""
        return self.pictures.name(index)


def protocol_crop(pictures: Pictures, size: PictureSize, index: int) -> UInt8[Tensor, "3 h w"]:
    """The protocol's crop of one picture, from its full resolution. Raises as `Decoder` does."""
    with pictures.open(index) as picture:
        return to_tensor(centre_crop(to_rgb(picture), size))
