"""The codecs that people use, through Pillow: RGB pictures to bytes and back, every setting written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from io import BytesIO

import numpy as np
from PIL import Image, features

from benchmarks.records.compression import CodecName


@dataclass(frozen=True)
class Codec:
    """A codec at all its qualities.

    Attributes:
        heading: what tables call it.
        format: what Pillow calls it.
        settings: what the encoder is told beside the quality: its defaults, said aloud.
        qualities: what is measured, from the lowest that it has to about the PSNR of JPEG's highest, so that curves
            share most of what they reach.
        most: the highest quality that is lossy here.
        library: what does the work, as `PIL.features` knows it; a package where Pillow knows none.
    """

    heading: str
    format: str
    settings: Mapping[str, int | str | bool]
    qualities: Sequence[int]
    most: int
    library: str

    def encode(self, picture: Image.Image, quality: int) -> bytes:
        """The file of an RGB picture's pixels, and of nothing else.

        From a bare copy: a picture that was opened from a file carries profiles along, which would count, and
        pillow-jxl-plugin 1.3.8 packs the file that a JPEG came from, whatever the quality and what was edited since.
        """
        if self.format == "JXL":
            _load_jpeg_xl()
        buffer = BytesIO()
        bare = Image.fromarray(np.asarray(picture))
        bare.save(buffer, self.format, quality=quality, **self.settings)
        return buffer.getvalue()

    def decode(self, data: bytes) -> Image.Image:
        """The RGB picture of a file."""
        if self.format == "JXL":
            _load_jpeg_xl()
        with Image.open(BytesIO(data), formats=[self.format]) as picture:
            return picture.convert("RGB")

    def at(self, quality: int) -> FixedQuality:
        """The same at one quality."""
        return FixedQuality(self, quality)

    @property
    def software(self) -> dict[str, str]:
        """What encodes and decodes, and which version of it."""
        if self.library in features.features or self.library in features.modules:
            return {"pillow": version("pillow"), self.library: str(features.version(self.library))}
        return {"pillow": version("pillow"), self.library: version(self.library)}


@dataclass(frozen=True)
class FixedQuality:
    """A codec at one quality: pictures to files and back."""

    codec: Codec
    quality: int

    def encode(self, picture: Image.Image) -> bytes:
        """The file of an RGB picture."""
        return self.codec.encode(picture, self.quality)

    def decode(self, data: bytes) -> Image.Image:
        """The RGB picture of a file."""
        return self.codec.decode(data)


CODECS: Mapping[CodecName, Codec] = {
    "jpeg": Codec(
        "JPEG",
        "JPEG",
        {"subsampling": "4:2:0", "optimize": False, "progressive": False},
        (1, 5, 10, 20, 30, 50, 70, 90, 95),  # 0 is 1
        95,
        "libjpeg_turbo",
    ),
    "webp": Codec("WebP", "WEBP", {"lossless": False, "method": 4}, (0, 5, 10, 20, 30, 50, 70, 85, 93), 100, "webp"),
    "avif": Codec(
        "AVIF", "AVIF", {"subsampling": "4:2:0", "speed": 6}, (0, 10, 20, 30, 40, 50, 60, 75, 90), 100, "avif"
    ),
    "jpeg-xl": Codec(
        "JPEG XL",
        "JXL",
        {"lossless": False, "effort": 7},
        (0, 5, 10, 20, 30, 50, 70, 85, 93),
        99,  # 100 is refused unless lossless
        "pillow-jxl-plugin",
    ),
}


def within(codec: Codec, picture: Image.Image, budget: int) -> tuple[int, bytes]:
    """The highest quality whose file is not above the budget in bytes, or else the lowest, and that file.

    Found by halving, which takes files to grow with quality: where they shrink by some bytes now and then, a quality
    a little higher may fit as well. That of the next quality does not.
    """
    encode = partial(codec.encode, picture)
    low, high = min(codec.qualities), codec.most
    while low < high:
        middle = (low + high + 1) // 2
        if len(encode(middle)) <= budget:
            low = middle
        else:
            high = middle - 1
    return low, encode(low)


def _load_jpeg_xl() -> None:
    import pillow_jxl  # noqa: F401 - what makes Pillow know the format
