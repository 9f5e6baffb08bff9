"""Files that hold a picture each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from benchmarks.data.config import SOURCES
from benchmarks.data.files import File, Files, Kind, open_file, require_content

Image.init()
# Named, so that a file called .jpg cannot bring in PIL's readers that run other programs (EPS).
PHOTO_FORMATS = {"JPEG", "PNG", "WEBP", "AVIF", "JPEG2000", "BMP", "DIB", "TIFF", "GIF", "PPM", "TGA"}
FORMATS = tuple(sorted(PHOTO_FORMATS & Image.OPEN.keys()))  # some builds of Pillow lack some


@dataclass(frozen=True)
class PictureFiles:
    """The pictures in files."""

    files: Files

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        return self.files.name(index)

    def open(self, index: int) -> Image.Image:
        return open_picture(self.files.file(index))

    def stored(self, index: int, picture: Image.Image) -> BinaryIO:
        return open_file(self.files.file(index))

    def class_of(self, index: int) -> str | int:
        return self.files.class_of(index)


def open_picture(file: File) -> Image.Image:
    """A picture whose pixels are read on demand. Raises ValueError, or what PIL does, for a file that has none."""
    require_content(file)
    return Image.open(file, formats=FORMATS)


@cache
def _suffixes() -> frozenset[str]:
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in FORMATS)


def is_picture(name: str) -> bool:
    """Whether a file is a picture by its name."""
    return Path(name).suffix.lower() in _suffixes()


PICTURES = Kind("picture", is_picture, "Image", SOURCES)
