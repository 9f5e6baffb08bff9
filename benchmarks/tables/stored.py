"""What is stored of runs, read for their tables: the runs, and what was measured of them later."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console

from benchmarks.records import priors as stored_priors
from benchmarks.records.codebooks import CodebookUse, codebook_use
from benchmarks.records.files import RecordError
from benchmarks.records.priors import PRIOR
from benchmarks.records.record import Record, StoredRuns, iterate_records
from benchmarks.records.throughput import read_throughputs, remark
from benchmarks.tables import formats, summaries
from benchmarks.tables.columns import COLUMNS, GENERATION, SPEED, Column
from benchmarks.tables.comparable import Row, within_settings
from benchmarks.tables.generated import apart, hidden, prior_files, tables, with_generations
from benchmarks.tables.measured_later import with_throughputs
from benchmarks.tables.remarks import Remarks, remarks
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
    apart: pd.DataFrame
    """A row for each of several priors and samplings, as `generated.apart` makes them."""
    paths: dict[str, list[Path]]
    """The records of each run, its own and its prior's, and of each prior: their arrays lie beside them."""
    of_runs: Remarks
    measured_later: dict[str, tuple[Column, ...]]
    """How speeds and priors were measured, and the columns with these."""
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
            ValueError: no prior has that digest.
        """
        records: dict[str, list[Path]] = {}
        of_runs = Remarks()
        contents: dict[Row, set[str]] = {}
        problems: list[str] = []

        def wanted() -> Iterator[Record]:
            for path, record in iterate_records(paths, problems):
                if fits(record):
                    records.setdefault(record.id, [path])
                    if record.trained_content is not None:
                        table = row_of(record)._replace(label="", rate=0)
                        contents.setdefault(table, set()).add(record.trained_content)
                    of_runs.add(record)
                    yield record

        frame = summaries.to_frame(wanted(), row_of)
        known = set(frame["settings"])
        throughputs = [each for each in read_throughputs(paths, problems) if each.settings in known]
        priors = stored_priors.chosen(stored_priors.read_generations(paths, problems), prior, frame["id"])
        for key, files in prior_files(frame, priors).items():
            records.setdefault(key, []).extend(files)
        frame = with_generations(with_throughputs(frame, throughputs), priors)
        mixed = (
            f"{table.group}: its rows were trained on {len(several)} sets of pictures of the same names and sizes, and "
            "must not be compared"
            for table, several in contents.items()
            if len(several) > 1
        )
        unseen = [line for _, here in tables(frame, priors) for line in hidden(here)]
        later = dict.fromkeys(mixed, COLUMNS)
        later |= dict.fromkeys(sorted(set(map(remark, throughputs))), SPEED)
        later |= dict.fromkeys([*stored_priors.remark(priors), *unseen], GENERATION)
        return cls(frame, apart(frame, priors), records, of_runs, later, problems)

    def remarks(self, columns: Collection[Column] = COLUMNS) -> list[str]:
        """What to know before reading these columns."""
        later = [text for text, of in self.measured_later.items() if any(column in columns for column in of)]
        return [*self.of_runs.lines([column.name for column in columns]), *later]

    def resamples(self) -> Resamples:
        """What the arrays beside the runs say; nothing where they are too many to read, or damaged."""
        if len(self.frame) > MOST_RESAMPLED:
            too_many = f"{len(self.frame):,} runs are too many to read the arrays of: no intervals and no tests; "
            self.measured_later[f"{too_many}filter them to at most {MOST_RESAMPLED:,}"] = COLUMNS
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

    def codebook_use(self, run: str) -> CodebookUse | None:
        """How a run, by its id, uses each code of a position; None where that is not stored, or damaged."""
        try:
            return codebook_use(self.paths[run][0])
        except RecordError as error:
            if str(error) not in self.problems:
                self.problems.append(str(error))
            return None


def print_runs(stored: StoredRuns, console: Console) -> pd.DataFrame:
    """The tables of some runs on a terminal, as they stand in their records; returns their summary."""
    records = [record for _, record in stored]
    resamples = stored_resamples({record.id: [path] for path, record in stored})
    summary = summaries.summarise(summaries.to_frame(records), resamples)
    formats.print_tables(summaries.comparison(summary), console, [summaries.LEGEND, *remarks(records)])
    return summary
