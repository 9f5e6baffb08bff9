"""What sounds and films have in common once they are found: those to test on, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TypeVar

from rich.console import Console

from benchmarks.data.checking import name_each, report

Item = TypeVar("Item", covariant=True)


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
