"""What is stored of runs, read for their tables: the runs, and what was measured of them later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console

from benchmarks.records import generation
from benchmarks.records.files import RecordError
from benchmarks.records.generation import PRIOR
from benchmarks.records.record import Record, StoredRuns, iterate_records
from benchmarks.records.throughput import read_throughputs, remark
from benchmarks.tables import formats, summaries
from benchmarks.tables.comparable import Row, within_settings
from benchmarks.tables.measured_later import with_generations, with_throughputs
from benchmarks.tables.summaries import Resamples, stored_resamples
from storage.paths import StrPath

MOST_RESAMPLED = 2_000
"""Runs whose arrays are read for intervals and tests; with more of them the table has means only."""


@dataclass
class Stored:
    """The runs to compare as a table of numbers, and what else is to be said of them.

    Of each run only a line is kept: a hundred thousand fit into memory.
    """

    frame: pd.DataFrame
    paths: dict[str, list[Path]]
    """The records of each run, its own and its prior's: their arrays lie beside them."""
    remarks: list[str]
    problems: list[str]

    @classmethod
    def read(
        cls,
        paths: Sequence[StrPath],
        row_of: Callable[[Record], Row] = within_settings,
        fits: Callable[[Record], bool] = lambda record: True,
        prior: str = PRIOR,
    ) -> Stored:
        """Read all files in turn.

        Args:
            paths: Files and folders.
            row_of: Which row of which table a run belongs to.
            fits: Whether a run is wanted.
            prior: Which priors' bits and pictures: a kind or the digest of a prior's settings.

        Raises:
            ValueError: a table would have priors of several settings, or no prior has that digest.
        """
        records: dict[str, list[Path]] = {}
        remarks: set[str] = set()
        problems: list[str] = []

        def wanted() -> Iterator[Record]:
            for path, record in iterate_records(paths, problems):
                if fits(record):
                    records.setdefault(record.id, [path])
                    remarks.update(summaries.remarks([record]))
                    yield record

        frame = summaries.to_frame(wanted(), row_of)
        known = set(frame["settings"])
        throughputs = [each for each in read_throughputs(paths, problems) if each.settings in known]
        remarks.update(map(remark, throughputs))
        table_of = dict(zip(frame["id"], frame["settings"], strict=True))
        priors = generation.chosen(generation.read_generations(paths, problems), prior, table_of)
        for run, (path, _) in priors.items():
            records[run].append(path)
        remarks.update(generation.remark([of for _, of in priors.values()]))
        frame = with_generations(with_throughputs(frame, throughputs), priors)
        return cls(frame, records, sorted(remarks), problems)

    def resamples(self) -> Resamples:
        """What the arrays beside the runs say; nothing where they are too many to read, or damaged."""
        if len(self.frame) > MOST_RESAMPLED:
            self.remarks.append(
                f"{len(self.frame):,} runs are too many to read the arrays of: no intervals and no tests; "
                f"filter them to at most {MOST_RESAMPLED:,}"
            )
            return lambda run: {}

        stored = stored_resamples(self.paths)

        def resamples(run: str) -> Mapping[str, np.ndarray]:
            try:
                return stored(run)
            except RecordError as error:
                if str(error) not in self.problems:
                    self.problems.append(str(error))
                return {}

        return resamples


def print_runs(stored: StoredRuns, console: Console) -> pd.DataFrame:
    """The tables of some runs on a terminal, as they stand in their records; returns their summary."""
    records = [record for _, record in stored]
    resamples = stored_resamples({record.id: [path] for path, record in stored})
    summary = summaries.summarise(summaries.to_frame(records), resamples)
    remarks = [summaries.LEGEND, *summaries.remarks(records)]
    formats.print_tables(summaries.comparison(summary), console, remarks)
    return summary
