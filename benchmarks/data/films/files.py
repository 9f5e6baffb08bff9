"""Files that hold a film each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import UInt8

from benchmarks.data.files import Files, Kind, open_file
from benchmarks.data.films.config import FILM_SOURCES
from benchmarks.data.films.reading import SUFFIXES, Head, Sampling, each_frame, read_frames, read_head
from benchmarks.data.films.sources import Frame


@dataclass(frozen=True)
class FilmFiles:
    """The films in files."""

    files: Files

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        return self.files.name(index)

    def head(self, index: int) -> Head:
        return read_head(self.files.file(index))

    def frames(self, index: int, sampling: Sampling, start: int, count: int) -> UInt8[np.ndarray, "t h w 3"]:
        return read_frames(self.files.file(index), sampling, start, count)

    def each_frame(self, index: int, frames_per_second: Fraction, count: int) -> Iterator[Frame]:
        return each_frame(self.files.file(index), frames_per_second, count)

    def stored(self, index: int) -> BinaryIO:
        return open_file(self.files.file(index))


def is_film(name: str) -> bool:
    """Whether a file is a film by its name."""
    return Path(name).suffix.lower() in SUFFIXES


FILMS = Kind("film", is_film, "Video", FILM_SOURCES)
