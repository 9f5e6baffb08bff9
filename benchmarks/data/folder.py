"""A folder of pictures: train/ and val/ (validation/, test/) within it, or else every fifth file is test."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from benchmarks.data.config import DataConfig, DataError
from benchmarks.data.pictures import Source, split_by_source, split_every_fifth
from storage.paths import StrPath

Image.init()
# Named, so that a file called .jpg cannot bring in PIL's readers that run other programs (EPS).
PHOTO_FORMATS = {"JPEG", "PNG", "WEBP", "AVIF", "JPEG2000", "BMP", "DIB", "TIFF", "GIF", "PPM", "TGA"}
FORMATS = tuple(sorted(PHOTO_FORMATS & Image.OPEN.keys()))  # some builds of Pillow lack some
TEST_FOLDERS = ("val", "validation", "test")


@dataclass(frozen=True)
class PictureFiles:
    """Picture files under a folder, by their path relative to it."""

    folder: Path
    files: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        return self.files[index]

    def open(self, index: int) -> Image.Image:
        path = self.folder / self.files[index]
        if path.stat().st_size == 0:
            raise ValueError("the file is empty")
        return Image.open(path, formats=FORMATS)

    def stored(self, index: int, picture: Image.Image) -> BinaryIO:
        return (self.folder / self.files[index]).open("rb")


def find_pictures(folder: StrPath, below: str = "") -> PictureFiles:
    """Every file with a picture's suffix anywhere below `folder / below`, sorted by relative path.

    Hidden files and folders, and files of other kinds, are no pictures. Links are followed, a folder once.
    """
    folder = Path(folder)
    suffixes = {suffix for suffix, name in Image.registered_extensions().items() if name in FORMATS}
    files: list[str] = []
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder / below, followlinks=True):
        if (real := os.path.realpath(parent)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        pictures = (name for name in names if not name.startswith(".") and Path(name).suffix.lower() in suffixes)
        files += (Path(parent, name).relative_to(folder).as_posix() for name in pictures)
    return PictureFiles(folder, tuple(sorted(files)))


def require_folder(config: DataConfig) -> Path:
    """The folder that `config.source` names. Raises DataError where there is none."""
    folder = Path(config.source).expanduser()
    if folder.is_file():
        raise DataError(f"{config.source} is a file: name the folder that holds the pictures")
    if not folder.is_dir():
        raise DataError(
            f'there is no folder {config.source}: the data source is "photographs", an existing folder, '
            '"torchvision:NAME" or "huggingface:NAME[:column]"'
        )
    return folder


def test_folder_of(folder: StrPath) -> str | None:
    """Which folder within has the pictures to test on, where one beside it has those to train on."""
    folder = Path(folder)
    tests = (name for name in TEST_FOLDERS if (folder / name).is_dir())
    return next(tests, None) if (folder / "train").is_dir() else None


def open_folder(config: DataConfig) -> Source:
    """The pictures of the folder that `config.source` names. Raises DataError where it is missing or has none."""
    folder = require_folder(config)

    def found(below: str = "") -> PictureFiles:
        pictures = find_pictures(folder, below)
        if not pictures:
            raise DataError(f"no pictures in {Path(config.source, below)}")
        return pictures

    if test := test_folder_of(folder):
        return split_by_source(lambda: found("train"), found(test), f"train/ trains, {test}/ tests", config.min_crop)
    return split_every_fifth(found(), "relative path", config.min_crop)
