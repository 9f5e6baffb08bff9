"""Show stored explanations: `python -m benchmarks.explain results`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console

from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import exit_code, run_command
from benchmarks.command_line.usage import RUNS, UsageError, existing_paths
from benchmarks.records.files import find_records
from benchmarks.records.variants import PREFIX, Explanation, read_explanation
from benchmarks.tables import formats
from benchmarks.tables.markers import around_markers, put_between_markers
from benchmarks.tables.variants import LEGEND, LEGEND_ACROSS, show, tables, tables_across


@dataclass(frozen=True)
class Arguments:
    """Show how far each choice of a protocol moves each number, from what `python -m benchmarks.evaluate … --explain`
    has stored."""

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional] = (RUNS,)
    """Stored explanations (variants-NAME.json), or folders of them."""
    across_tokenizers: bool = False
    """For each set of pictures one table of all tokenizers: mean and range of what each choice does."""
    format: Literal["terminal", "markdown", "latex", "html"] = "terminal"
    """Of the tables."""
    readme: Path | None = None
    """Put the Markdown tables into this file, between the lines <!-- explain --> and <!-- end of explain -->."""
    section: str = "explain"
    """The name in these lines."""


def read(arguments: Arguments) -> list[Explanation]:
    """All explanations of the paths.

    Raises:
        UsageError: there is none.
        RecordError: a file that is none.
    """
    found = [read_explanation(path) for path in find_records(existing_paths(arguments.paths), f"{PREFIX}*.json")]
    if not found:
        named = ", ".join(map(str, arguments.paths))
        raise UsageError(
            f"no explanation in {named}; make one with python -m benchmarks.evaluate RUN.json --data FOLDER --explain"
        )
    return found


def write(arguments: Arguments, console: Console, errors: Console) -> int:
    """Print or write the tables; 0.

    Raises:
        UsageError, RecordError: there is nothing to show.
    """
    if arguments.readme is not None:
        around_markers(arguments.readme, arguments.section)
    explanations = read(arguments)
    if arguments.across_tokenizers:
        built, legend = tables_across(explanations), LEGEND_ACROSS
    else:
        built, legend = [table for explanation in explanations for table in tables(explanation)], LEGEND
    if arguments.readme is not None:
        put_between_markers(arguments.readme, arguments.section, f"{formats.markdown(built)}\n{legend}\n")
    elif arguments.format == "terminal":
        show(built, legend, explanations, console)
    else:
        written = {"markdown": formats.markdown, "latex": formats.latex, "html": formats.html}[arguments.format]
        sys.stdout.write(written(built))
    return 0


def main(argv: Sequence[str]) -> int:
    """The command: 0, 2 for a user's mistake, 130 when stopped."""
    return exit_code(partial(write, parse_flags(Arguments, "benchmarks.explain", argv)))


if __name__ == "__main__":
    run_command(main)
