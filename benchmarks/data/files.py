"""Files that hold a picture, a sound or a film each, wherever they lie: in folders, tar files or rows of a data set."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import SEEK_END
from pathlib import Path
from typing import BinaryIO, Protocol

from storage.paths import StrPath

File = StrPath | BinaryIO
"""One of its own, by its path; or one inside another, open to read."""


class Files(Protocol):
    """Named files by number. `file` raises ValueError where one is not there. `class_of` gives the name of a file's
    class, or the number where the data set numbers them; it raises DataError where none is known."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str: ...

    def file(self, index: int) -> File: ...

    def class_of(self, index: int) -> str | int: ...


@dataclass(frozen=True)
class Kind:
    """The files of a signal.

    Attributes:
        noun: What one is called.
        is_one: Whether a file is one by its name.
        feature: What Hugging Face's `datasets` calls a column of them.
        sources: What may be named that has them, for people.
    """

    noun: str
    is_one: Callable[[str], bool]
    feature: str
    sources: str


@dataclass(frozen=True)
class SomeFiles:
    """Some of the files."""

    files: Files
    indices: Sequence[int]

    def __len__(self) -> int:
        return len(self.indices)

    def name(self, index: int) -> str:
        return self.files.name(self.indices[index])

    def file(self, index: int) -> File:
        return self.files.file(self.indices[index])

    def class_of(self, index: int) -> str | int:
        return self.files.class_of(self.indices[index])


def open_file(file: File) -> BinaryIO:
    """A file from its begin on, for the caller to close."""
    if isinstance(file, str | os.PathLike):
        return Path(file).open("rb")
    file.seek(0)
    return file


@contextmanager
def reading(file: File) -> Iterator[BinaryIO]:
    """A file from its begin on; one that is open stays so, at the place where it was."""
    if isinstance(file, str | os.PathLike):
        with Path(file).open("rb") as opened:
            yield opened
    else:
        place = file.tell()
        yield open_file(file)
        file.seek(place)


def require_content(file: File) -> None:
    """Raise ValueError for an empty file."""
    with reading(file) as opened:
        if opened.seek(0, SEEK_END) == 0:
            raise ValueError("the file is empty")
