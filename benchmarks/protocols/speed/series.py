"""What is measured together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.protocols.speed import catalogue
from benchmarks.protocols.speed.measure import FULL, QUICK, SWEEP, Effort
from benchmarks.protocols.speed.work import Work


@dataclass(frozen=True)
class Series:
    """Works that are measured with one effort and stored in one file."""

    name: Literal["works", "sweep"]
    works: Sequence[Work]
    effort: Effort
    quick: bool


def all_series(*, sweep: bool, quick: bool) -> list[Series]:
    """What a command measures for each number of threads."""
    works = [work for work in catalogue.works() if not (quick and work.long)]
    series = [Series("works", works, QUICK if quick else FULL, quick)]
    if sweep:
        series.append(Series("sweep", catalogue.sweep_works(), QUICK if quick else SWEEP, quick))
    return series
