"""A folder of pictures: train/ and val/ (validation/, test/) within it or those chosen, or else every fifth is test."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from benchmarks.data.config import SOURCES, DataConfig, DataError
from benchmarks.data.pictures import Source, folder_class, require_splits, split_by_source, split_every_fifth
from storage.paths import StrPath

Image.init()
# Named, so that a file called .jpg cannot bring in PIL's readers that run other programs (EPS).
PHOTO_FORMATS = {"JPEG", "PNG", "WEBP", "AVIF", "JPEG2000", "BMP", "DIB", "TIFF", "GIF", "PPM", "TGA"}
FORMATS = tuple(sorted(PHOTO_FORMATS & Image.OPEN.keys()))  # some builds of Pillow lack some
TRAIN_FOLDER, TEST_FOLDERS = "train", ("val", "validation", "test")


@dataclass(frozen=True)
class PictureFiles:
    """Picture files under a folder, by their path relative to it; the folder of a class stands `below` others."""

    folder: Path
    files: tuple[str, ...]
    below: int = 0

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

    def class_of(self, index: int) -> str:
        return folder_class(self.files[index], self.below)


@cache
def _suffixes() -> frozenset[str]:
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in FORMATS)


def is_picture(name: str) -> bool:
    """Whether a file is a picture by its name."""
    return Path(name).suffix.lower() in _suffixes()


def find_pictures(folder: StrPath, below: str = "") -> PictureFiles:
    """Every picture's file anywhere below `folder / below`, as `find_files`."""
    return PictureFiles(Path(folder), find_files(folder, below, is_picture), len(Path(below).parts))


def find_files(folder: StrPath, below: str, kind: Callable[[str], bool]) -> tuple[str, ...]:
    """Every file anywhere below `folder / below` whose name is of that kind, by its path relative to `folder`, sorted.

    Hidden files and folders are left out. Links are followed, a folder once.
    """
    folder = Path(folder)
    files: list[str] = []
    seen: set[str] = set()
    for parent, folders, names in os.walk(folder / below, followlinks=True):
        if (real := os.path.realpath(parent)) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        wanted = (name for name in names if not name.startswith(".") and kind(name))
        files += (Path(parent, name).relative_to(folder).as_posix() for name in wanted)
    return tuple(sorted(files))


def require_folder(name: str, content: str = "pictures", sources: str = SOURCES) -> Path:
    """The folder of that name. Raises DataError where there is none.

    Args:
        content: What it should hold.
        sources: What may be named instead.
    """
    folder = Path(name).expanduser()
    if folder.is_file():
        raise DataError(f"{name} is a file: name the folder that holds the {content}")
    if not folder.is_dir():
        raise DataError(f"there is no folder {name}: the data source is {sources}")
    return folder


def test_folder_of(folder: StrPath) -> str | None:
    """Which folder within has the pictures to test on, where one beside it has those to train on."""
    folder = Path(folder)
    tests = (name for name in TEST_FOLDERS if (folder / name).is_dir())
    return next(tests, None) if (folder / TRAIN_FOLDER).is_dir() else None


def open_folder(config: DataConfig, name: str, splits: Sequence[str] = ()) -> Source:
    """The pictures of the folder of that name, or of the folders `splits` in it.

    Raises DataError where one of these is missing or has none.
    """
    folder = require_folder(name)

    def found(below: str = "") -> PictureFiles:
        pictures = find_pictures(folder, below)
        if not pictures:
            raise DataError(f"no pictures in {Path(name, below)}")
        return pictures

    require_splits(splits, sorted(path.name for path in folder.iterdir() if path.is_dir()), name)
    if len(splits) == 1:
        return split_every_fifth(found(splits[0]), "relative path", config.min_crop)
    test = splits[1] if splits else test_folder_of(folder)
    if test is None:
        return split_every_fifth(found(), "relative path", config.min_crop)
    train = splits[0] if splits else TRAIN_FOLDER
    words = f"{train}/ trains, {test}/ tests"
    known = (known for known in (TRAIN_FOLDER, *TEST_FOLDERS) if (folder / known).is_dir())
    source = split_by_source(lambda: found(train), found(test), words, config.min_crop)
    return replace(source, others=tuple(f"{other}/" for other in known if other not in (train, test)))
