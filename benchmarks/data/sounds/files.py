"""Files that hold a sound each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from benchmarks.data.files import Files, Kind, open_file
from benchmarks.data.sounds.config import SOUND_SOURCES
from benchmarks.data.sounds.reading import SUFFIXES, Head, Recording, read_head, read_sound


@dataclass(frozen=True)
class SoundFiles:
    """The sounds in files."""

    files: Files

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        return self.files.name(index)

    def head(self, index: int) -> Head:
        return read_head(self.files.file(index))

    def read(self, index: int) -> Recording:
        return read_sound(self.files.file(index))

    def stored(self, index: int) -> BinaryIO:
        return open_file(self.files.file(index))


def is_sound(name: str) -> bool:
    """Whether a file is a sound by its name."""
    return Path(name).suffix.lower() in SUFFIXES


SOUNDS = Kind("sound", is_sound, "Audio", SOUND_SOURCES)
