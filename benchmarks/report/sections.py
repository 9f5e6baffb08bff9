"""What a report shows of stored runs: a section per table, its rows with the runs behind them, its pictures."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.records import priors as stored_priors
from benchmarks.records.generation import PriorRecord, SamplingRecord
from benchmarks.records.priors import Generation
from benchmarks.records.record import Record, StoredRuns
from benchmarks.records.throughput import Throughput, remark
from benchmarks.report.pictures import Grid, Samples, drawn_grids, grids, read_samples
from benchmarks.tables import comparable, formats, summaries
from benchmarks.tables.generated import APART, apart, changed, hidden, prior_files, with_generations
from benchmarks.tables.measured_later import with_throughputs
from benchmarks.tables.remarks import remarks

Members = Mapping[tuple[str, str, str, int], StoredRuns]
"""Group, settings, quantizer and rate of a row -> its runs, by seed."""


@dataclass(frozen=True)
class Cell:
    """A number or name as it is read, whether it stands out, and what it is sorted by: nothing where it is empty."""

    text: str
    bold: bool
    value: str


@dataclass(frozen=True)
class Row:
    """One row of a table, its name with the rate, and its runs by seed."""

    name: str
    is_baseline: bool
    cells: Sequence[Cell]
    runs: StoredRuns


@dataclass(frozen=True)
class GeneratedRow:
    """One of several priors or samplings, its name with the rate, and what was stored of it by seed."""

    name: str
    is_baseline: bool
    cells: Sequence[Cell]
    records: Sequence[PriorRecord | SamplingRecord]


@dataclass(frozen=True)
class Generated:
    """The table of several priors and samplings."""

    headings: Sequence[str]
    rows: Sequence[GeneratedRow]


@dataclass(frozen=True)
class Section:
    """All that may be compared with each other."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Row]
    remarks: Sequence[str]
    grids: Sequence[Grid]
    throughputs: Sequence[Throughput]
    """Speeds of methods timed together, which the table shows."""
    priors: Sequence[Generation]
    """On its runs, and what was drawn from them."""
    generated: Generated | None
    """The table of these, where they are several."""
    drawn: Sequence[Grid]
    """The first items that these drew."""

    @property
    def runs(self) -> StoredRuns:
        """The runs behind all rows."""
        return [run for row in self.rows for run in row.runs]

    @property
    def protocol(self) -> str:
        """The protocol that the section's numbers were measured under, with its version."""
        return self.runs[0][1].protocol


def sections(
    stored: StoredRuns, throughputs: Sequence[Throughput] = (), priors: Sequence[Generation] = ()
) -> list[Section]:
    """The tables of all runs, in the order of `summarise`, with what was measured of them later: the speeds of methods
    timed together, and priors.

    Raises:
        RecordError: stored pictures are damaged.
    """
    frame = with_throughputs(summaries.to_frame(record for _, record in stored), throughputs)
    frame = with_generations(frame, priors)
    paths = {record.id: [path] for path, record in stored}
    for key, files in prior_files(frame, priors).items():
        paths.setdefault(key, []).extend(files)
    resamples = summaries.stored_resamples(paths)
    summary = summaries.summarise(frame, resamples)
    generated = _generated(apart(frame, priors), priors, resamples)
    members = _members(stored)
    return [
        _section(titled, part, members, throughputs, priors, generated)
        for titled, (_, part) in zip(summaries.comparison(summary), summaries.groups(summary), strict=True)
    ]


def _generated(
    frame: pd.DataFrame, priors: Sequence[Generation], resamples: summaries.Resamples
) -> dict[tuple[str, str], Generated]:
    """The tables of `apart`, by title and settings of the tables of the runs."""
    if frame.empty:
        return {}
    stored = {of.record.id: of.record for of in priors}
    ids = frame.groupby(summaries.KEYS, sort=False)["id"].agg(list)
    summary = summaries.summarise(frame, resamples)
    found = {}
    for titled, (title, part) in zip(summaries.comparison(summary), summaries.groups(summary), strict=True):
        rows = [
            GeneratedRow(
                name=_name(numbers["quantizer"], numbers["rate"]),
                is_baseline=numbers["name"] in comparable.BASELINES,
                cells=_cells(numbers, cells),
                records=[stored[each] for each in ids[tuple(numbers[key] for key in summaries.KEYS)]],
            )
            for numbers, cells in zip(part.to_dict("records"), titled.cells.to_dict("records"), strict=True)
        ]
        of = title.removesuffix(APART), part["settings"].iloc[0]
        found[of] = Generated(list(titled.cells.columns), rows)
    return found


def _members(stored: StoredRuns) -> Members:
    """The runs of each row; one that is stored twice counts once, as in the table."""
    found: dict[tuple[str, str, str, int], dict[int, tuple[Path, Record]]] = defaultdict(dict)
    for path, record in stored:
        row = comparable.group_title(record), record.settings, comparable.label(record), comparable.asked_bits(record)
        found[row].setdefault(record.seed, (path, record))
    return {row: [run for _, run in sorted(runs.items())] for row, runs in found.items()}


def _section(
    titled: formats.Titled,
    part: pd.DataFrame,
    members: Members,
    throughputs: Sequence[Throughput],
    priors: Sequence[Generation],
    generated: Mapping[tuple[str, str], Generated],
) -> Section:
    timed = [each for each in throughputs if each.settings in set(part["settings"])]
    rows = [
        Row(
            name=_name(numbers["quantizer"], numbers["rate"]),
            is_baseline=numbers["name"] in comparable.BASELINES,
            cells=_cells(numbers, cells),
            runs=members[numbers["group"], numbers["settings"], numbers["quantizer"], numbers["rate"]],
        )
        for numbers, cells in zip(part.to_dict("records"), titled.cells.to_dict("records"), strict=True)
    ]
    runs = {record.id for row in rows for _, record in row.runs}
    here = [of for of in priors if of.prior.run in runs]
    verdict = [titled.remark] if titled.remark else []
    known = [*verdict, *remarks(record for row in rows for _, record in row.runs), *map(remark, timed)]
    found = [(row.name, _first_samples(row.runs)) for row in rows]
    return Section(
        title=titled.title,
        headings=list(titled.cells.columns),
        rows=rows,
        remarks=[*known, *stored_priors.remark(here), *hidden(here)],
        grids=grids([(name, samples) for name, samples in found if samples is not None]),
        throughputs=timed,
        priors=here,
        generated=generated.get((titled.title, part["settings"].iloc[0])),
        drawn=drawn_grids(
            [(_sampling_name(of), of.path.with_name(f"{of.sampling.id}.json")) for of in here if of.sampling]
        ),
    )


def _sampling_name(of: Generation) -> str:
    """The tokenizer and what was changed of its prior and of the sampling."""
    of_sampling = {} if of.sampling is None else of.sampling.changes
    return f"{of.prior.tokenizer} {changed({**of.prior.changes, **of_sampling})}".strip()


def _cells(numbers: Mapping[Hashable, Any], cells: Mapping[Hashable, formats.Cell]) -> list[Cell]:
    return [Cell(text, bold, _sorted_by(numbers[name])) for name, (text, bold) in cells.items()]


def _name(quantizer: str, rate: int) -> str:
    return f"{quantizer}, {rate} bits" if rate else quantizer


def _sorted_by(value: Any) -> str:
    return "" if isinstance(value, float) and math.isnan(value) else str(value)


def _first_samples(runs: StoredRuns) -> Samples | None:
    """Those of the first seed that has any."""
    return next((samples for path, _ in runs if (samples := read_samples(path)) is not None), None)
