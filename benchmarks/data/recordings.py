"""Sounds and films before any of them is decoded: in folders or made by a program, to train on and to test on.

How they are read is the business of `sounds` and `films`; here stands what is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from rich.console import Console

from benchmarks.data.checking import Named, Usable, name_each, report
from benchmarks.data.config import DataError
from benchmarks.data.folder import TEST_FOLDERS, TRAIN_FOLDER, find_files, require_folder, test_folder_of
from benchmarks.data.pictures import Part, require_splits

Recordings = TypeVar("Recordings", bound=Named)
Item = TypeVar("Item", covariant=True)

Some = Callable[[Recordings, Sequence[int]], Recordings]
"""Makes those with some numbers of others."""


@dataclass(frozen=True)
class RecordingSource(Generic[Recordings]):
    """Recordings to train on and to test on, and the rule that chose them, in words.

    Attributes:
        open_train: Opens those to train on, which a mere test has no need of. Raises DataError where there are none.
        test: Those to test on.
        split: What trains and what tests.
        open_all: Opens all of them, in the order of their names.
        comes_split: Whether they come with a part for tests, not chosen by a rule.
        others: Splits that come with them and neither train nor test.
    """

    open_train: Callable[[], Recordings]
    test: Recordings
    split: str
    open_all: Callable[[], Recordings]
    comes_split: bool
    others: tuple[str, ...] = ()

    @property
    def choice(self) -> str:
        """The split and what else could be chosen, for the screen."""
        return self.split + (f"; not taken: {', '.join(self.others)}" if self.others else "")

    @property
    def measured(self) -> Part:
        """What is to be measured unless somebody says otherwise: all, or the part that they come with for tests."""
        return "test" if self.comes_split else "all"

    def part(self, part: Part) -> Recordings:
        """Those of a part. Raises DataError where there are none."""
        if part == "train":
            return self.open_train()
        return self.test if part == "test" else self.open_all()


def take_some_evenly(recordings: Recordings, limit: int | None, some: Some[Recordings]) -> Recordings:
    """At most `limit` of them, evenly spaced, so that a set sorted by speaker or scene keeps each of these."""
    if limit is None or limit >= len(recordings):
        return recordings
    return some(recordings, (np.arange(limit) * len(recordings) // limit).tolist())


def usable_recordings(recordings: Recordings, usable: Usable[Any], some: Some[Recordings]) -> Recordings:
    """Those that could be read."""
    return some(recordings, list(usable.results)) if usable.skipped else recordings


class Items(Protocol[Item]):
    """Decoded sounds, or clips of films, by number."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Item: ...


class TestData(Protocol[Item]):
    """Data that have some to test on."""

    @property
    def test(self) -> Items[Item]: ...


def items_to_test(data: TestData[Item], rank: int = 0, world_size: int = 1) -> Iterator[tuple[int, Item]]:
    """(place, item) of this process's part of the test set, in order. The parts of all processes hold every item
    exactly once; their sizes differ by at most one."""
    first, last = (part * len(data.test) // world_size for part in (rank, rank + 1))
    for place in range(first, last):
        yield place, data.test[place]


def report_recordings(console: Console, noun: str, *records: Mapping[str, Any]) -> None:
    """Name those that were left out, and those with something to know.

    Args:
        noun: What one is called.
        records: What parts of the data say of themselves.
    """
    report(console, {name: why for record in records for name, why in record["skipped"].items()}, noun)
    said = {name: what for record in records for name, what in record["remarks"].items()}
    name_each(console, f"{len(said)} {noun}{'s' if len(said) > 1 else ''} used, with a remark", said)


def open_recording_folder(
    name: str,
    splits: Sequence[str],
    kind: Callable[[str], bool],
    files: Callable[[Path, tuple[str, ...]], Recordings],
    some: Some[Recordings],
    *,
    noun: str,
    sources: str,
) -> RecordingSource[Recordings]:
    """The recordings of the folder of that name, or of the folders `splits` in it; by the same rules as pictures.

    Args:
        kind: Whether a file is one by its name.
        files: Makes recordings of a folder and the paths of files below it.
        noun: What one is called.
        sources: What may be named instead of the folder.

    Raises:
        DataError: one of the folders is missing or has none.
    """
    folder = require_folder(name, f"{noun}s", sources)

    def found(*folders: str) -> Recordings:
        paths = sorted(path for below in folders for path in find_files(folder, below, kind))
        if not paths:
            raise DataError(f"no {noun}s in {Path(name, *folders)}")
        return files(folder, tuple(paths))

    require_splits(splits, sorted(path.name for path in folder.iterdir() if path.is_dir()), name)
    if len(splits) == 1:
        return _every_fifth(found(splits[0]), some, noun)
    test = splits[1] if splits else test_folder_of(folder)
    if test is None:
        return _every_fifth(found(""), some, noun)
    train = splits[0] if splits else TRAIN_FOLDER
    known = (known for known in (TRAIN_FOLDER, *TEST_FOLDERS) if (folder / known).is_dir())
    return RecordingSource(
        lambda: found(train),
        found(test),
        f"{train}/ trains, {test}/ tests",
        lambda: found(train, test),
        comes_split=True,
        others=tuple(f"{other}/" for other in known if other not in (train, test)),
    )


def _every_fifth(recordings: Recordings, some: Some[Recordings], noun: str) -> RecordingSource[Recordings]:
    numbers = range(len(recordings))

    def open_train() -> Recordings:
        if len(recordings) < 2:
            raise DataError(f"only one {noun}: at least one is needed to train on and one to test on")
        return some(recordings, [number for number in numbers if number % 5])

    return RecordingSource(
        open_train,
        some(recordings, numbers[::5]),
        f"every fifth {noun} by relative path is test (index % 5 == 0), the others train",
        lambda: recordings,
        comes_split=False,
    )
