"""Stored measurements of compression on the screen, in a file, and as pictures; without torch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape

from benchmarks.command_line.usage import UsageError
from benchmarks.compress.arguments import Measure
from benchmarks.plots.compression import save_figures
from benchmarks.records.compression import FOLDER, StoredCompressions, read_compression, read_compressions
from benchmarks.records.files import read_each
from benchmarks.tables import compression as tables, formats
from benchmarks.tables.markers import around_markers, put_between_markers

SECTION = "compression"


def require_readme(arguments: Measure) -> None:
    """Raise UsageError where the tables could not be put into --readme: before long work."""
    if arguments.readme is not None:
        around_markers(arguments.readme, SECTION)


def show(arguments: Measure, console: Console, errors: Console) -> int:
    """Tables and pictures of all that is stored: 0, or 1 when some file is no measurement.

    Raises:
        UsageError: nothing is stored.
    """
    require_readme(arguments)
    stored, problems = read_compressions(_folder(arguments)) if _folder(arguments).is_dir() else ([], [])
    return _show(stored, stored, problems, arguments, console, errors)


def show_files(paths: Sequence[Path], arguments: Measure, console: Console, errors: Console) -> int:
    """The same with tables of these measurements alone."""
    problems: list[str] = []
    chosen = list(read_each(paths, read_compression, problems))
    everything, others = read_compressions(_folder(arguments))
    return _show(chosen, everything, list(dict.fromkeys([*problems, *others])), arguments, console, errors)


def _folder(arguments: Measure) -> Path:
    return arguments.output / FOLDER


def _show(
    chosen: StoredCompressions,
    everything: StoredCompressions,
    problems: Sequence[str],
    arguments: Measure,
    console: Console,
    errors: Console,
) -> int:
    for problem in problems:
        errors.print(f"left out: {escape(problem)}")
    if not chosen:
        raise UsageError(
            f"no measurement in {_folder(arguments)}; make one with python -m benchmarks.compress measure --data FOLDER"
        )
    if not console.is_terminal:
        console.width = 120  # of a log or a pipe, where nothing says how wide
    groups = tables.groups(record for _, record in chosen)
    shown = [table for group in groups for table in tables.tables(group, short=arguments.short)]
    if arguments.format == "csv":
        sys.stdout.write(pd.concat(map(tables.to_frame, groups)).to_csv(index=False))
    elif arguments.format == "markdown":
        sys.stdout.write(formats.markdown(shown))
    else:
        formats.print_tables(shown, console)
    for picture in save_figures(everything, _folder(arguments)):
        errors.print(f"picture: {escape(str(picture))}", highlight=False)
    if arguments.readme is not None:
        short = [table for group in groups for table in tables.tables(group, short=True)]
        put_between_markers(arguments.readme, SECTION, formats.markdown(short))
    return 1 if problems else 0
