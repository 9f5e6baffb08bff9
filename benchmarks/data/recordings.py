"""What sounds and films have in common once they are found: some of them, those that can be read, those to test on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TypeVar

import numpy as np
from rich.console import Console

from benchmarks.data.checking import Named, Usable, name_each, report
from benchmarks.data.division import Some

Recordings = TypeVar("Recordings", bound=Named)
Item = TypeVar("Item", covariant=True)


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
