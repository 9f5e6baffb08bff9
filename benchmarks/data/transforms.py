"""From a picture as stored to the uint8 tensor that is trained or measured on."""

from __future__ import annotations

import math
import re
import sys
from io import BytesIO
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image, ImageFile, ImageOps
from torch import Tensor

from benchmarks.data.sizes import PictureSize, extent_of, written

CENTRE_CROP_RULE = "short side resized to image_size (PIL bicubic, antialiased), centre crop"
"""What `centre_crop` does to make squares, in the words of the record."""

SIXTEEN_BITS = re.compile(r"'RGBA?;16[LBN]'")
"""How Pillow is told the order of bytes of such colours."""

OVERSAMPLING = 2.0
"""Training pictures are kept this much larger than their smallest crop needs. Shrinking in two steps with a
gap of 2 is close to shrinking in one (the rule of Pillow's `reducing_gap`), at a fraction of the memory."""


def to_rgb(picture: Image.Image) -> Image.Image:
    """The picture as a viewer shows it, in mode RGB.

    EXIF orientation is applied, transparency laid over white, 16 bits scaled to 8; greyscale, palettes and
    CMYK become RGB. Raises ValueError for floating point and for integers past 16 bits: their white is not
    agreed upon.
    """
    low = _low_bytes(picture)
    picture = ImageOps.exif_transpose(picture)
    if low is not None:
        high, info = np.asarray(picture).astype(np.uint16), picture.info
        values = high * 256 + np.asarray(ImageOps.exif_transpose(low))
        picture = Image.fromarray(np.round(values / 257).astype(np.uint8), picture.mode)
        picture.info = info
    if picture.mode == "F":
        raise ValueError("floating-point pixels have no agreed white level")
    if picture.mode.startswith("I"):  # Pillow would clip these at 255
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("32-bit integer pixels have no agreed white level")
        picture = Image.fromarray(np.round(values / 257).astype(np.uint8))
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return picture.convert("RGB")


def _low_bytes(picture: Image.Image) -> Image.Image | None:
    """Of a picture with several channels of 16 bits, not yet decoded, the lower 8; None of all others.

    Pillow cuts them off: it reads the upper byte of each number, and reads the lower one where it is told that the
    bytes are in the other order. (Grey pictures it reads whole; grey ones with transparency it cuts, too.)
    """
    if not isinstance(picture, ImageFile.ImageFile) or picture.fp is None:
        return None
    if not picture.tile or not all(SIXTEEN_BITS.search(repr(tile)) for tile in picture.tile):
        return None
    place = picture.fp.tell()
    picture.fp.seek(0)
    low = cast(ImageFile.ImageFile, Image.open(BytesIO(picture.fp.read()), formats=[str(picture.format)]))
    picture.fp.seek(place)
    low.tile = [_swapped(tile) for tile in low.tile]
    return low


def _swapped(tile: Any) -> Any:
    """What Pillow decodes a part of a picture by, told the other order of bytes."""
    codec, extents, offset, arguments = tile
    other = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
    first, *rest = (arguments,) if isinstance(arguments, str) else arguments
    mode = first[:-1] + other[first[-1]]
    told = (codec, extents, offset, mode if isinstance(arguments, str) else (mode, *rest))
    return type(tile)(*told) if hasattr(tile, "_fields") else told  # a plain tuple before Pillow 11


def crop_rule(size: PictureSize) -> str:
    """What `centre_crop` does, in the words of the record."""
    height, width = extent_of(size)
    if height == width:
        return CENTRE_CROP_RULE
    return f"resized (PIL bicubic, antialiased) until it just covers {written((height, width))} px, centre crop"


def require_size(picture: Image.Image, size: PictureSize) -> None:
    """Raise ValueError for a picture that would have to be enlarged to be cropped to `size`."""
    height, width = extent_of(size)
    if picture.height < height or picture.width < width:
        least = f"the short side is under {height}" if height == width else f"less than {written((height, width))}"
        raise ValueError(f"{picture.width} × {picture.height} px, {least}")


def scaled_size(picture: Image.Image, size: PictureSize) -> tuple[int, int]:
    """(width, height) of the picture once it just covers `size`: a square of its short side."""
    height, width = extent_of(size)
    scale = max(height / picture.height, width / picture.width)
    return max(width, round(picture.width * scale)), max(height, round(picture.height * scale))


def centre_crop(picture: Image.Image, size: PictureSize) -> Image.Image:
    """The protocol's crop: resize until it just covers `size` (bicubic, antialiased), cut the central part.

    An odd margin loses its extra pixel at the right or bottom. Raises ValueError where this would enlarge.
    """
    require_size(picture, size)
    height, width = extent_of(size)
    picture = picture.resize(scaled_size(picture, size), Image.Resampling.BICUBIC)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def kept_side(short_side: int, size: int, smallest_crop: float) -> int:
    """Short side to shrink a picture to whose crops, at least `smallest_crop` wide, are resized to `size`."""
    return min(short_side, math.ceil(OVERSAMPLING * size / smallest_crop * short_side))


def random_crop(
    picture: Image.Image, size: int, sides: tuple[float, float], flip: bool, random: np.random.Generator
) -> Image.Image:
    """A random square of the picture, its side uniform in `sides` (pixels), resized to `size`.

    With `flip` half of them are mirrored; the places are the same without.
    """
    which_side, which_x, which_y, which_way = random.random(4)
    low, high = sides
    side = low + which_side * (high - low)
    left, top = which_x * (picture.width - side), which_y * (picture.height - side)
    right, bottom = (
        min(left + side, picture.width),
        min(top + side, picture.height),
    )  # where rounding overshoots
    box = (left, top, right, bottom)
    square = picture.resize((size, size), Image.Resampling.BICUBIC, box=box)
    return ImageOps.mirror(square) if flip and which_way < 0.5 else square


def to_tensor(picture: Image.Image) -> UInt8[Tensor, "3 height width"]:
    """An RGB picture as a tensor of its 8-bit values."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()
