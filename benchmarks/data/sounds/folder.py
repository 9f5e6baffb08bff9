"""A folder of sound files, by the rules of `benchmarks.data.recordings`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from benchmarks.data.recordings import RecordingSource, open_recording_folder
from benchmarks.data.sounds.config import SOUND_SOURCES
from benchmarks.data.sounds.reading import SUFFIXES, Head, Recording, read_head, read_sound
from benchmarks.data.sounds.sources import SomeSounds, Sounds


@dataclass(frozen=True)
class SoundFiles:
    """Sound files under a folder, by their path relative to it."""

    folder: Path
    files: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        return self.files[index]

    def head(self, index: int) -> Head:
        return read_head(self.folder / self.files[index])

    def read(self, index: int) -> Recording:
        return read_sound(self.folder / self.files[index])

    def stored(self, index: int) -> BinaryIO:
        return (self.folder / self.files[index]).open("rb")


def is_sound(name: str) -> bool:
    """Whether a file is a sound by its name."""
    return Path(name).suffix.lower() in SUFFIXES


def open_sound_folder(name: str, splits: Sequence[str] = ()) -> RecordingSource[Sounds]:
    """The sounds of the folder of that name, or of the folders `splits` in it. DataError where there are none."""
    return open_recording_folder(name, splits, is_sound, SoundFiles, SomeSounds, noun="sound", sources=SOUND_SOURCES)
