"""Stored runs as pictures take them: groups of what may be compared, and their parts of equal rate."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from benchmarks.records.priors import Generation
from benchmarks.records.record import Record, StoredRuns
from benchmarks.records.throughput import Throughput
from benchmarks.tables import comparable, summaries
from benchmarks.tables.generated import with_generations
from benchmarks.tables.measured_later import with_throughputs

LONGEST = 60
"""Characters of a file name that say which settings were changed, before it says only that some were."""


@dataclass(frozen=True)
class Group:
    """Runs that may be compared.

    Attributes:
        title: what they share.
        stem: what the names of their pictures begin with.
        summary: their rows of the table, as `summaries.summarise` makes them.
        runs: quantizer and rate of a row -> its runs, by seed.
        timed_together: whether the speeds are of all methods in turn, and not of each run as it went.
    """

    title: str
    stem: str
    summary: pd.DataFrame
    runs: Mapping[tuple[str, int], StoredRuns]
    timed_together: bool

    @property
    def references(self) -> pd.DataFrame:
        """The rows of baselines; those that have a rate stand last, by it."""
        return self.summary[self.summary["name"].isin(comparable.BASELINES)]

    @property
    def methods(self) -> pd.DataFrame:
        """The rows of all others."""
        return self.summary[~self.summary["name"].isin(comparable.BASELINES)]

    def runs_of(self, rows: pd.DataFrame) -> dict[str, StoredRuns]:
        """Quantizer -> the runs behind its row; for rows of one rate."""
        pairs = zip(rows["quantizer"], rows["rate"], strict=True)
        return {quantizer: self.runs[quantizer, rate] for quantizer, rate in pairs}


def groups(
    stored: StoredRuns,
    throughputs: Sequence[Throughput] = (),
    priors: Sequence[Generation] = (),
) -> list[Group]:
    """The groups of stored runs, in the order of the tables."""
    frame = with_throughputs(summaries.to_frame(record for _, record in stored), throughputs)
    frame = with_generations(frame, priors)
    timed = {throughput.settings for throughput in throughputs}
    runs = _runs(stored)
    found = []
    for title, rows in summaries.groups(summaries.summarise(frame)):
        settings = rows["settings"].iloc[0]
        of_group = runs[title, settings]
        first = next(iter(of_group.values()))[0][1]
        found.append(Group(title, _stem(first), rows, of_group, settings in timed))
    shared = Counter(group.stem for group in found)
    return [
        group if shared[group.stem] == 1 else replace(group, stem=f"{group.stem}-{group.summary['settings'].iloc[0]}")
        for group in found
    ]


def _runs(stored: StoredRuns) -> dict[tuple[str, str], dict[tuple[str, int], list[tuple[Path, Record]]]]:
    """Title and settings -> quantizer and rate -> runs by seed; as in the tables, a run that is stored twice counts
    once."""
    found: dict[tuple[str, str], dict[tuple[str, int], list[tuple[Path, Record]]]] = {}
    for path, record in sorted(stored, key=lambda pair: pair[1].seed):
        group = found.setdefault((comparable.group_title(record), record.settings), {})
        row = group.setdefault((comparable.label(record), comparable.asked_bits(record)), [])
        if not row or row[-1][1].seed != record.seed:
            row.append((path, record))
    return found


def _stem(record: Record) -> str:
    """Preset and data set, as the run's folder, and what was changed."""
    changed = "".join(f"-{name}={value}" for name, value in sorted(record.changes.items()))
    if len(changed) > LONGEST:
        changed = "-changed"
    return re.sub(r"[^\w.=-]+", "-", f"{record.preset}-{record.data['name']}{changed}").strip("-")


def rates(group: Group) -> list[Group]:
    """The parts of a group that have one rate, each with all baselines; the group itself where it has nothing else."""
    methods = group.methods
    if methods.empty:
        return [group]
    return [
        replace(
            group,
            title=f"{rate} bits · {group.title}",
            stem=f"{group.stem}-{rate}bit",
            summary=pd.concat([rows, group.references[group.references["rate"].isin([0, rate])]]),
        )
        for rate, rows in methods.groupby("rate")
    ]
