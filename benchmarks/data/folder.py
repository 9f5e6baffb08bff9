"""A folder of files: train/ and val/ (validation/, test/) within it or those chosen, or else every fifth is test."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from benchmarks.data.config import SOURCES, DataError
from benchmarks.data.division import Division, divide, require_splits
from benchmarks.data.files import Files, Kind, SomeFiles
from storage.paths import StrPath, printable

TRAIN_FOLDER, TEST_FOLDERS = "train", ("val", "validation", "test")


@dataclass(frozen=True)
class FolderFiles:
    """Files under a folder, by their path relative to it; the folder of a class stands `below` others."""

    folder: Path
    files: tuple[str, ...]
    below: int = 0

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        return self.files[index]

    def file(self, index: int) -> Path:
        return self.folder / self.files[index]

    def class_of(self, index: int) -> str:
        return folder_class(self.files[index], self.below)


def folder_class(file: str, below: int) -> str:
    """The folder that a file lies in, `below` folders down its path, which is that of its class. DataError where it
    lies in none."""
    folders = [part for part in PurePosixPath(file).parts[:-1] if part not in ("/", "..")][below:]
    if not folders:
        raise DataError(f"{printable(file)} lies in no folder of its class")
    return folders[0]


def find_files(folder: StrPath, below: str, is_one: Callable[[str], bool]) -> tuple[str, ...]:
    """Every file anywhere below `folder / below` that is one by its name, by its path relative to `folder`, sorted.

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
        wanted = (name for name in names if not name.startswith(".") and is_one(name))
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
    """Which folder within has the files to test on, where one beside it has those to train on."""
    folder = Path(folder)
    tests = (name for name in TEST_FOLDERS if (folder / name).is_dir())
    return next(tests, None) if (folder / TRAIN_FOLDER).is_dir() else None


def open_folder(kind: Kind, name: str, splits: Sequence[str] = ()) -> Division[Files]:
    """The files of a kind in the folder of that name, or in the folders `splits` in it.

    Raises DataError where one of these is missing or has none.
    """
    folder = require_folder(name, f"{kind.noun}s", kind.sources)

    def found(*folders: str) -> Files:
        below = folders or ("",)
        paths = sorted(path for part in below for path in find_files(folder, part, kind.is_one))
        if not paths:
            raise DataError(f"no {kind.noun}s in {Path(name, *folders)}")
        return FolderFiles(folder, tuple(paths), len(Path(below[0]).parts))

    require_splits(splits, sorted(path.name for path in folder.iterdir() if path.is_dir()), name)
    test = test_folder_of(folder)
    known = [split for split in (TRAIN_FOLDER, *TEST_FOLDERS) if (folder / split).is_dir()]
    chosen = splits or ((TRAIN_FOLDER, test) if test else ())
    return divide(found, chosen, SomeFiles, noun=kind.noun, order="relative path", known=known, mark="/")
