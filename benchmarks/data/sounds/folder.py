"""A folder of sound files: train/ and val/ (validation/, test/) within it or those chosen, or else every fifth is
test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from benchmarks.data.config import DataError
from benchmarks.data.folder import TEST_FOLDERS, TRAIN_FOLDER, find_files, require_folder, test_folder_of
from benchmarks.data.pictures import require_splits
from benchmarks.data.sounds.config import SOUND_SOURCES
from benchmarks.data.sounds.reading import SUFFIXES, Head, Recording, read_head, read_sound
from benchmarks.data.sounds.sources import SomeSounds, SoundSource
from storage.paths import StrPath


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


def find_sounds(folder: StrPath, below: str = "") -> SoundFiles:
    """Every sound's file anywhere below `folder / below`, as `find_files`."""
    return SoundFiles(Path(folder), find_files(folder, below, is_sound))


def open_sound_folder(name: str, splits: Sequence[str] = ()) -> SoundSource:
    """The sounds of the folder of that name, or of the folders `splits` in it; by the same rules as pictures.

    Raises DataError where one of these is missing or has none.
    """
    folder = require_folder(name, "sounds", SOUND_SOURCES)

    def found(below: str = "") -> SoundFiles:
        sounds = find_sounds(folder, below)
        if not sounds:
            raise DataError(f"no sounds in {Path(name, below)}")
        return sounds

    require_splits(splits, sorted(path.name for path in folder.iterdir() if path.is_dir()), name)
    if len(splits) == 1:
        return _every_fifth(found(splits[0]))
    test = splits[1] if splits else test_folder_of(folder)
    if test is None:
        return _every_fifth(found())
    train = splits[0] if splits else TRAIN_FOLDER
    known = (known for known in (TRAIN_FOLDER, *TEST_FOLDERS) if (folder / known).is_dir())
    return SoundSource(
        lambda: found(train),
        found(test),
        f"{train}/ trains, {test}/ tests",
        lambda: SoundFiles(folder, tuple(sorted((*found(train).files, *found(test).files)))),
        comes_split=True,
        others=tuple(f"{other}/" for other in known if other not in (train, test)),
    )


def _every_fifth(sounds: SoundFiles) -> SoundSource:
    numbers = range(len(sounds))

    def open_train() -> SomeSounds:
        if len(sounds) < 2:
            raise DataError("only one sound: at least one is needed to train on and one to test on")
        return SomeSounds(sounds, [number for number in numbers if number % 5])

    return SoundSource(
        open_train,
        SomeSounds(sounds, numbers[::5]),
        "every fifth sound by relative path is test (index % 5 == 0), the others train",
        lambda: sounds,
        comes_split=False,
    )
