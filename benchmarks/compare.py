"""Turn stored runs into a comparison table: `python -m benchmarks.compare results`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
import tyro
from rich.console import Console
from rich.markup import escape

from benchmarks import comparable, formats, tables
from benchmarks.arguments import UsageError, existing_paths
from benchmarks.columns import BY_NAME, COLUMNS, Column
from benchmarks.flags import parse_flags
from benchmarks.generate import record as generation
from benchmarks.readme import around_markers, put_between_markers
from benchmarks.results import Record, RecordError, iterate_records
from benchmarks.throughput.record import read_throughputs, remark, with_throughputs

MOST_RESAMPLED = 2_000
"""Runs whose arrays are read for intervals and tests; with more of them the table has means only."""


@dataclass(frozen=True)
class Arguments:
    """Compare stored runs: one table for each protocol, preset and data set, means over seeds with their 95 %
    intervals, and in bold the best of each rate and all that cannot be told from it.

    Files that are no valid runs are named and left out, and the exit code is then 1.
    """

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional] = (Path("results"), Path("runs"))
    """Stored runs (JSON files), or folders of them."""
    format: Literal["terminal", "markdown", "latex", "html", "csv"] = "terminal"
    """How the table is written; csv gives one row per quantizer with all numbers."""
    output: Path | None = None
    """Write the table to this file instead of the screen."""
    readme: Path | None = None
    """Put the Markdown table into this file, between the lines <!-- table --> and <!-- end of table -->."""
    section: str = "table"
    """The name in these lines, for a file with several tables."""
    columns: tuple[str, ...] = ()
    """Only these columns, in this order, e.g. psnr swd usage; all by default."""
    sort: str | None = None
    """Order the rows of each table by this column, best first."""
    matrix: str | None = None
    """Instead of the table, every two rows' difference in this column, and which row beats which."""
    across_backbones: bool = False
    """Rows of all backbones in one table, where data, training and loss are equal; they compete at an equal number of
    bits per picture."""
    across_settings: bool = False
    """Rows of all settings in one table, each named by what was changed of its preset: what the changes are worth."""
    prior: str = generation.PRIOR
    """Which priors' bits and pictures stand in the table, where there are any (python -m benchmarks.generate): a kind,
    or the digest of a prior's settings."""
    quantizer: tuple[str, ...] = ()
    """Only these quantizers."""
    bits: tuple[int, ...] = ()
    """Only runs that were asked for these bits per position, and the baselines."""
    preset: tuple[str, ...] = ()
    """Only these presets."""
    data: tuple[str, ...] = ()
    """Only these data sets."""

    def fits(self, record: Record) -> bool:
        """Whether a run is wanted."""
        return (
            (not self.quantizer or record.quantizer.name in self.quantizer)
            and (not self.bits or comparable.asked_bits(record) in (0, *self.bits))
            and (not self.preset or record.preset in self.preset)
            and (not self.data or record.data["name"] in self.data)
        )


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
    def read(cls, arguments: Arguments) -> Stored:
        """Read all files in turn.

        Raises:
            UsageError: a path that does not exist, or no run that fits.
        """
        given = existing_paths(arguments.paths, Arguments.paths)
        paths: dict[str, list[Path]] = {}
        remarks: set[str] = set()
        problems: list[str] = []

        def wanted() -> Iterator[Record]:
            for path, record in iterate_records(given, problems):
                if arguments.fits(record):
                    paths.setdefault(record.id, [path])
                    remarks.update(tables.remarks([record]))
                    yield record

        if arguments.across_backbones and arguments.across_settings:
            raise UsageError("--across-backbones and --across-settings are two tables: ask for one of them")
        row_of = comparable.within_settings
        if arguments.across_backbones:
            row_of = comparable.across_backbones
        elif arguments.across_settings:
            row_of = comparable.across_settings
        frame = tables.to_frame(wanted(), row_of)
        if frame.empty:
            named = ", ".join(map(str, arguments.paths))
            raise UsageError(f"no stored run in {named} fits; make one with python -m benchmarks.run")
        throughputs = [each for each in read_throughputs(given, problems) if each.settings in set(frame["settings"])]
        remarks.update(map(remark, throughputs))
        try:
            table_of = dict(zip(frame["id"], frame["settings"], strict=True))
            priors = generation.chosen(generation.read_generations(given, problems), arguments.prior, table_of)
        except ValueError as error:
            raise UsageError(str(error)) from error
        for run, (path, _) in priors.items():
            paths[run].append(path)
        remarks.update(generation.remark([of for _, of in priors.values()]))
        frame = generation.with_generations(with_throughputs(frame, throughputs), priors)
        return cls(frame, paths, sorted(remarks), problems)

    def resamples(self) -> tables.Resamples:
        """What the arrays beside the runs say; nothing where they are too many to read, or damaged."""
        if len(self.frame) > MOST_RESAMPLED:
            self.remarks.append(
                f"{len(self.frame):,} runs are too many to read the arrays of: no intervals and no tests; "
                f"filter them to at most {MOST_RESAMPLED:,}"
            )
            return lambda run: {}

        stored = tables.stored_resamples(self.paths)

        def resamples(run: str) -> Mapping[str, np.ndarray]:
            try:
                return stored(run)
            except RecordError as error:
                if str(error) not in self.problems:
                    self.problems.append(str(error))
                return {}

        return resamples


def column_named(name: str) -> Column:
    """A column by its name in flags; `UsageError` where there is none."""
    if name not in BY_NAME:
        raise UsageError(f"no column {name!r}: there are {', '.join(BY_NAME)}")
    return BY_NAME[name]


def build(arguments: Arguments, stored: Stored) -> tuple[list[formats.Titled], str]:
    """The tables asked for, and the same as CSV."""
    resamples = stored.resamples()
    if arguments.matrix is not None:
        column = column_named(arguments.matrix)
        if column.better is None:
            judged = ", ".join(name for name, each in BY_NAME.items() if each.better is not None)
            raise UsageError(f"--matrix: by {column.name!r} no row is better than another; there are {judged}")
        if len(stored.frame) > MOST_RESAMPLED:
            raise UsageError(f"--matrix: of {len(stored.frame):,} runs; filter them to at most {MOST_RESAMPLED:,}")
        built = tables.matrices(stored.frame, column, resamples)
        text = [titled.cells.map(lambda cell: cell.text).assign(table=titled.title) for titled in built]
        return built, pd.concat(text).to_csv(index=False) if text else ""
    columns = [column_named(name) for name in arguments.columns] or list(COLUMNS)
    summary = tables.summarise(stored.frame, resamples)
    if arguments.sort is not None:
        column = column_named(arguments.sort)
        summary = summary.sort_values(column.heading, ascending=column.better == "low", kind="stable")
    shown = ["group", "settings", "quantizer", "name", "rate", "seeds"]
    shown += [f"{column.heading}{kind}" for column in columns for kind in ("", " std", " ±", " best")]
    return tables.comparison(summary, columns), summary[shown].to_csv(index=False)


def write(arguments: Arguments, built: Sequence[formats.Titled], csv: str, remarks: Sequence[str]) -> None:
    """Print the tables, or put them where they were asked for."""
    if arguments.readme is not None:
        put_between_markers(arguments.readme, arguments.section, f"{formats.markdown(built)}\n{tables.LEGEND}\n")
        return
    if arguments.format == "terminal" and arguments.output is None:
        console = Console()
        formats.print_tables(built, console)
        for remark in [tables.LEGEND, *remarks]:
            console.print(escape(remark), highlight=False)
        return
    texts = {"csv": lambda: csv, "latex": lambda: formats.latex(built), "html": lambda: formats.html(built)}
    text = texts.get(arguments.format, lambda: formats.markdown(built))()
    if arguments.output is None:
        sys.stdout.write(text)
    else:
        arguments.output.write_text(text, encoding="utf-8")


def main(arguments: Arguments) -> int:
    """Print or write the table; 0 when every file was a valid run, 1 when some were not, 2 for a user's mistake."""
    errors = Console(stderr=True, soft_wrap=True)
    try:
        if arguments.readme is not None:
            around_markers(arguments.readme, arguments.section)
        stored = Stored.read(arguments)
        built, csv = build(arguments, stored)
        for problem in stored.problems:
            errors.print(f"left out: {escape(problem)}")
        write(arguments, built, csv, stored.remarks)
    except (UsageError, OSError) as error:
        errors.print(f"error: {escape(str(error))}")
        return 2
    return 1 if stored.problems else 0


def command(argv: Sequence[str]) -> int:
    """`main` with the arguments of a command line."""
    return main(parse_flags(Arguments, "benchmarks.compare", argv))


if __name__ == "__main__":
    sys.exit(command(sys.argv[1:]))
