"""Turn stored runs into a comparison table: `python -m benchmarks.compare results`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import pandas as pd
import tyro
from rich.console import Console
from rich.markup import escape

from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import exit_code, run_command
from benchmarks.command_line.usage import RUNS, UsageError, existing_paths
from benchmarks.records.texture import read_canvases
from benchmarks.tables import canvases, codebooks, comparable, formats, summaries
from benchmarks.tables.columns import BY_NAME, GENERATION, Column, columns_of
from benchmarks.tables.markers import around_markers, put_between_markers
from benchmarks.tables.selection import Selection
from benchmarks.tables.stored import MOST_RESAMPLED, Stored
from storage.whole_files import replacing


@dataclass(frozen=True)
class Arguments:
    """Compare stored runs: one table for each protocol, preset and data set, means over seeds with their 95 %
    intervals, and in bold the best of each rate and all that cannot be told from it.

    Files that are no valid runs are named and left out, and the exit code is then 1.
    """

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional] = (RUNS,)
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
    codebooks: bool = False
    """Instead of the table, how much each code of a position is used, of methods that have several: each scale of
    multi-scale, each depth of rq."""
    canvases: bool = False
    """Instead of the table, pictures that priors of textures drew, held against their textures."""
    across_backbones: bool = False
    """Rows of all backbones in one table, where data, training and loss are equal; they compete at an equal number of
    bits per picture."""
    across_settings: bool = False
    """Rows of all settings in one table, each named by what was changed of its preset: what the changes are worth."""
    only: tyro.conf.OmitArgPrefixes[Selection] = field(default_factory=Selection)


def column_named(name: str) -> Column:
    """A column by its name in flags; `UsageError` where there is none."""
    if name not in BY_NAME:
        raise UsageError(f"no column {name!r}: there are {', '.join(BY_NAME)}")
    return BY_NAME[name]


def read(arguments: Arguments) -> Stored:
    """The runs asked for.

    Raises:
        UsageError: a path that does not exist, or no run that fits.
    """
    if arguments.across_backbones and arguments.across_settings:
        raise UsageError("--across-backbones and --across-settings are two tables: ask for one of them")
    row_of = comparable.within_settings
    if arguments.across_backbones:
        row_of = comparable.across_backbones
    elif arguments.across_settings:
        row_of = comparable.across_settings
    try:
        stored = Stored.read(existing_paths(arguments.paths), row_of, arguments.only.fits, arguments.only.prior)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if stored.frame.empty:
        named = ", ".join(map(str, arguments.paths))
        raise UsageError(f"no stored run in {named} fits; make one with python -m benchmarks.run")
    return stored


class Built(NamedTuple):
    """The tables asked for, the same as CSV, and the columns that they have."""

    tables: Sequence[formats.Titled]
    csv: str
    columns: Sequence[Column]
    legend: str = summaries.LEGEND


def build(arguments: Arguments, stored: Stored) -> Built:
    """What was asked for, of the runs."""
    if arguments.codebooks:
        use = codebooks.use_tables(stored.frame, stored.codebook_use)
        if not use.tables:
            raise UsageError(
                "--codebooks: of no run here with several codes per position it is stored how they are used"
            )
        return Built(use.tables, use.numbers.to_csv(index=False), [], codebooks.LEGEND)
    if arguments.canvases:
        ids = set(stored.frame["id"])
        drawn = [each for each in read_canvases(arguments.paths, stored.problems) if each.run.id in ids]
        if not drawn:
            raise UsageError(
                "--canvases: of no run here is one stored; draw one with python -m benchmarks.generate --canvas"
            )
        return Built(canvases.tables(drawn), canvases.numbers(drawn).to_csv(index=False), [], canvases.LEGEND)
    resamples = stored.resamples()
    names = [arguments.matrix] if arguments.matrix is not None else arguments.columns
    columns = [column_named(name) for name in names] or columns_of(stored.frame)
    frame = stored.frame
    if any(column in GENERATION for column in columns) and len(stored.apart):
        frame = pd.concat([frame, stored.apart], ignore_index=True)
    if arguments.matrix is not None:
        (column,) = columns
        if column.better is None:
            judged = ", ".join(name for name, each in BY_NAME.items() if each.better is not None)
            raise UsageError(f"--matrix: by {column.name!r} no row is better than another; there are {judged}")
        if len(stored.frame) > MOST_RESAMPLED:
            raise UsageError(f"--matrix: of {len(stored.frame):,} runs; filter them to at most {MOST_RESAMPLED:,}")
        built = summaries.matrices(frame, column, resamples)
        text = [titled.cells.map(lambda cell: cell.text).assign(table=titled.title) for titled in built]
        return Built(built, pd.concat(text).to_csv(index=False) if text else "", [column])
    summary = summaries.summarise(frame, resamples)
    if arguments.sort is not None:
        column = column_named(arguments.sort)
        summary = summary.sort_values(column.heading, ascending=column.better == "low", kind="stable")
    shown = ["group", "settings", "quantizer", "name", "rate", "seeds"]
    shown += [f"{column.heading}{kind}" for column in columns for kind in ("", " std", " ±", " best")]
    return Built(summaries.comparison(summary, columns), summary[shown].to_csv(index=False), columns)


def write(arguments: Arguments, built: Built, remarks: Sequence[str], console: Console) -> None:
    """Print the tables, or put them where they were asked for."""
    tables = built.tables
    if arguments.readme is not None:
        put_between_markers(arguments.readme, arguments.section, f"{formats.markdown(tables)}\n{built.legend}\n")
        return
    if arguments.format == "terminal" and arguments.output is None:
        formats.print_tables(tables, console, [built.legend, *remarks])
        return
    texts = {"csv": lambda: built.csv, "latex": lambda: formats.latex(tables), "html": lambda: formats.html(tables)}
    text = texts.get(arguments.format, lambda: formats.markdown(tables))()
    if arguments.output is None:
        sys.stdout.write(text)
    else:
        with replacing(arguments.output) as temporary:
            temporary.write_text(text, encoding="utf-8")


def show(arguments: Arguments, console: Console, errors: Console) -> int:
    """Print or write the table; 0 when every file was a valid run, 1 when some were not.

    Raises:
        UsageError: nothing can be compared, or not as was asked for.
    """
    if arguments.readme is not None:
        around_markers(arguments.readme, arguments.section)
    stored = read(arguments)
    built = build(arguments, stored)
    for problem in stored.problems:
        errors.print(f"left out: {escape(problem)}")
    write(arguments, built, stored.remarks(built.columns) if built.columns else [], console)
    return 1 if stored.problems else 0


def main(arguments: Arguments) -> int:
    """The command: as `show`, 2 for a user's mistake, 130 when stopped."""
    return exit_code(partial(show, arguments))


def command(argv: Sequence[str]) -> int:
    """`main` with the arguments of a command line."""
    return main(parse_flags(Arguments, "benchmarks.compare", argv))


if __name__ == "__main__":
    run_command(command)
