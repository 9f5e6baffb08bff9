"""From what is named to sounds that are not yet decoded: what trains and what tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import numpy as np

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
class SoundSource:
    """Sounds to train on and to test on, and the rule that chose them, in words.

    Attributes:
        open_train: Opens those to train on, which a mere test has no need of. Raises DataError where there are none.
        test: Those to test on.
        split: What trains and what tests.
        open_all: Opens all of them, in the order of their names.
        comes_split: Whether they come with a part for tests, not chosen by a rule.
        others: Splits that come with them and neither train nor test.
    """

    open_train: Callable[[], Sounds]
    test: Sounds
    split: str
    open_all: Callable[[], Sounds]
    comes_split: bool
    others: tuple[str, ...] = ()


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


def sounds_evenly(sounds: Sounds, limit: int | None) -> Sounds:
    """At most `limit` of the sounds, evenly spaced, so that a set sorted by speaker keeps its speakers."""
    if limit is None or limit >= len(sounds):
        return sounds
    return SomeSounds(sounds, (np.arange(limit) * len(sounds) // limit).tolist())
