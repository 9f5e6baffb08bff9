"""Films that are not yet decoded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, Protocol

import numpy as np
from jaxtyping import UInt8

from benchmarks.data.films.reading import Head, Sampling

Frame = UInt8[np.ndarray, "h w 3"]


class Films(Protocol):
    """Named films by number. `head` tells how long one is, `frames` decodes some of it, `each_frame` so many from its
    beginning, whole and one at a time, `stored` gives the bytes that it comes from; where there are none, those that
    tell it from others. Each raises what reading meets."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str: ...

    def head(self, index: int) -> Head: ...

    def frames(self, index: int, sampling: Sampling, start: int, count: int) -> UInt8[np.ndarray, "t h w 3"]: ...

    def each_frame(self, index: int, frames_per_second: Fraction, count: int) -> Iterator[Frame]: ...

    def stored(self, index: int) -> BinaryIO: ...


@dataclass(frozen=True)
class SomeFilms:
    """Some of the films."""

    films: Films
    indices: Sequence[int]

    def __len__(self) -> int:
        return len(self.indices)

    def name(self, index: int) -> str:
        return self.films.name(self.indices[index])

    def head(self, index: int) -> Head:
        return self.films.head(self.indices[index])

    def frames(self, index: int, sampling: Sampling, start: int, count: int) -> UInt8[np.ndarray, "t h w 3"]:
        return self.films.frames(self.indices[index], sampling, start, count)

    def each_frame(self, index: int, frames_per_second: Fraction, count: int) -> Iterator[Frame]:
        return self.films.each_frame(self.indices[index], frames_per_second, count)

    def stored(self, index: int) -> BinaryIO:
        return self.films.stored(self.indices[index])
