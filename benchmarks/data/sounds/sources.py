"""Sounds that are not yet decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from benchmarks.data.sounds.reading import Head, Recording


class Sounds(Protocol):
    """Named sounds by number. `head` tells how long one is, `read` decodes it, `stored` gives the bytes that it comes
    from; where there are none but its samples, those. Each raises what reading meets."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str: ...

    def head(self, index: int) -> Head: ...

    def read(self, index: int) -> Recording: ...

    def stored(self, index: int) -> BinaryIO: ...


@dataclass(frozen=True)
class SomeSounds:
    """Some of the sounds."""

    sounds: Sounds
    indices: Sequence[int]

    def __len__(self) -> int:
        return len(self.indices)

    def name(self, index: int) -> str:
        return self.sounds.name(self.indices[index])

    def head(self, index: int) -> Head:
        return self.sounds.head(self.indices[index])

    def read(self, index: int) -> Recording:
        return self.sounds.read(self.indices[index])

    def stored(self, index: int) -> BinaryIO:
        return self.sounds.stored(self.indices[index])
