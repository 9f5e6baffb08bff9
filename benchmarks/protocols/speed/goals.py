"""What is asked of our implementation in one work, and whether a measurement meets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.protocols.speed.names import OURS
from benchmarks.records.speed import Group


class Goal(Protocol):
    """A bound on one measured number."""

    @property
    def competitor(self) -> str:
        """Whose line of the table it stands in."""

    @property
    def text(self) -> str:
        """The bound in a few words."""

    def measured(self, group: Group) -> float | None:
        """The number that it bounds; None where it was not measured."""

    def met(self, measured: float) -> bool:
        """Whether the number keeps the bound."""

    def write(self, measured: float) -> str:
        """The number with its unit."""


@dataclass(frozen=True)
class TimesFaster:
    """The competitor's time over ours is at least `bound`."""

    competitor: str
    bound: float

    @property
    def text(self) -> str:
        return f"≥ {self.bound:g}×"

    def measured(self, group: Group) -> float | None:
        result = group.result(self.competitor)
        return None if result is None else result.ratio.median

    def met(self, measured: float) -> bool:
        return measured >= self.bound

    def write(self, measured: float) -> str:
        return f"{measured:.3g}×"


@dataclass(frozen=True)
class TimesTheTime:
    """Our time over the competitor's is at most `bound`."""

    competitor: str
    bound: float

    @property
    def text(self) -> str:
        return f"ours ≤ {self.bound:g}×"

    def measured(self, group: Group) -> float | None:
        result = group.result(self.competitor)
        return None if result is None else 1 / result.ratio.median

    def met(self, measured: float) -> bool:
        return measured <= self.bound

    def write(self, measured: float) -> str:
        return f"{measured:.3g}×"


@dataclass(frozen=True)
class MemoryBelow:
    """The most memory that one call of ours takes on top of what was there is below `megabytes` (10^6 bytes)."""

    megabytes: float
    competitor: str = OURS

    @property
    def text(self) -> str:
        return f"< {self.megabytes:g} MB"

    def measured(self, group: Group) -> float | None:
        peak = group.results[0].peak_bytes
        return None if peak is None else peak / 1e6

    def met(self, measured: float) -> bool:
        return measured < self.megabytes

    def write(self, measured: float) -> str:
        return f"{measured:.3g} MB"


GOAL_DEVICE, GOAL_THREADS = "cpu", 2
"""The goals hold there; elsewhere a measurement neither meets nor misses them."""


def missed_goals(goals: Sequence[Goal], group: Group) -> list[Goal]:
    """Those that were measured and not met."""
    measured = [(goal, goal.measured(group)) for goal in goals]
    return [goal for goal, value in measured if value is not None and not goal.met(value)]


def verdict(goal: Goal, group: Group) -> str:
    """A goal with what was measured and whether that meets it."""
    measured = goal.measured(group)
    if measured is None:
        return f"{goal.text}: not measured"
    return f"{goal.text}: {goal.write(measured)}, {'met' if goal.met(measured) else 'missed'}"
