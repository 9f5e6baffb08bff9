"""Sounds to be coded whole, one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float32
from rich.console import Console
from torch import Tensor

from benchmarks.data.sounds.config import SoundConfig
from benchmarks.data.sounds.datasets import TestSounds
from benchmarks.data.sounds.opening import open_test_sounds


@dataclass(frozen=True)
class WholeSounds:
    """Sounds at one rate with so many channels, whole.

    Attributes:
        sounds: those that can be read.
        record: what they are and how they were chosen and checked; JSON-able.
    """

    sounds: TestSounds
    record: dict[str, Any]

    def __len__(self) -> int:
        return len(self.sounds)

    def __getitem__(self, index: int) -> Float32[Tensor, "c n"]:
        return self.sounds[index]


def open_whole_sounds(config: SoundConfig, console: Console | None = None) -> WholeSounds:
    """Find and check all sounds of a source, whatever is to train and to test; broken ones are left out, named on the
    console (default: standard error) and in the record.

    Raises:
        DataError: as `open_test_sounds`.
    """
    opened = open_test_sounds(config, "all", console)
    record = {name: value for name, value in opened.record.items() if name not in ("test", "part", "memory_share")}
    of_sounds = {name: opened.record["test"][name] for name in ("sounds", "seconds", "skipped", "remarks")}
    return WholeSounds(opened.test, {**record, **of_sounds})
