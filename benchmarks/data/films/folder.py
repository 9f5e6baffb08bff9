"""A folder of film files, by the rules of `benchmarks.data.recordings`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import UInt8

from benchmarks.data.films.config import FILM_SOURCES
from benchmarks.data.films.reading import SUFFIXES, Head, Sampling, read_frames, read_head
from benchmarks.data.films.sources import Films, SomeFilms
from benchmarks.data.recordings import RecordingSource, open_recording_folder


@dataclass(frozen=True)
class FilmFiles:
    """Film files under a folder, by their path relative to it."""

    folder: Path
    files: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        return self.files[index]

    def head(self, index: int) -> Head:
        return read_head(self.folder / self.files[index])

    def frames(self, index: int, sampling: Sampling, start: int, count: int) -> UInt8[np.ndarray, "t h w 3"]:
        return read_frames(self.folder / self.files[index], sampling, start, count)

    def stored(self, index: int) -> BinaryIO:
        return (self.folder / self.files[index]).open("rb")


def is_film(name: str) -> bool:
    """Whether a file is a film by its name."""
    return Path(name).suffix.lower() in SUFFIXES


def open_film_folder(name: str, splits: Sequence[str] = ()) -> RecordingSource[Films]:
    """The films of the folder of that name, or of the folders `splits` in it. DataError where there are none."""
    return open_recording_folder(name, splits, is_film, FilmFiles, SomeFilms, noun="film", sources=FILM_SOURCES)
