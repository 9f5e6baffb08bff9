"""What is asked of our implementation in one work, and whether a measurement meets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from benchmarks.protocols.speed.names import OURS
from benchmarks.records.speed import Group, Spread


class Goal(Protocol):
    """A bound on one measured number, which each process keeps for it to be met."""

    @property
    def competitor(self) -> str:
        """Whose line of the table it stands in."""

    @property
    def text(self) -> str:
        """The bound in a few words."""

    def measured(self, group: Group) -> Spread | None:
        """The number that it bounds, over the processes; None where it was not measured."""

    def met(self, measured: Spread) -> bool:
        """Whether the worse end keeps the bound."""

    def write(self, measured: Spread) -> str:
        """The number with its unit."""


@dataclass(frozen=True)
class TimesFaster:
    """The competitor's time over ours is at least `bound`."""

    competitor: str
    bound: float

    @property
    def text(self) -> str:
        return f"≥ {self.bound:g}×"

    def measured(self, group: Group) -> Spread | None:
        result = group.result(self.competitor)
        return None if result is None else result.ratio

    def met(self, measured: Spread) -> bool:
        return measured.low >= self.bound

    def write(self, measured: Spread) -> str:
        return _times(measured)


@dataclass(frozen=True)
class TimesTheTime:
    """Our time over the competitor's is at most `bound`."""

    competitor: str
    bound: float

    @property
    def text(self) -> str:
        return f"ours ≤ {self.bound:g}×"

    def measured(self, group: Group) -> Spread | None:
        result = group.result(self.competitor)
        if result is None:
            return None
        ratio = result.ratio
        return Spread(median=1 / ratio.median, low=1 / ratio.high, high=1 / ratio.low)

    def met(self, measured: Spread) -> bool:
        return measured.high <= self.bound

    def write(self, measured: Spread) -> str:
        return _times(measured)


@dataclass(frozen=True)
class MemoryBelow:
    """The most memory that one call of ours takes on top of what was there, in any of the processes, is below
    `megabytes` (10^6 bytes)."""

    megabytes: float
    competitor: str = OURS

    @property
    def text(self) -> str:
        return f"< {self.megabytes:g} MB"

    def measured(self, group: Group) -> Spread | None:
        peak = group.results[0].peak_bytes
        return None if peak is None else Spread(median=peak / 1e6, low=peak / 1e6, high=peak / 1e6)

    def met(self, measured: Spread) -> bool:
        return measured.high < self.megabytes

    def write(self, measured: Spread) -> str:
        return f"{measured.median:.3g} MB"


def _times(measured: Spread) -> str:
    return f"{measured.median:.3g}× ({measured.low:.3g}–{measured.high:.3g})"


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
