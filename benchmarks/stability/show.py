"""The table of what is stored."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from benchmarks.command_line.usage import UsageError
from benchmarks.records.stability import read_stabilities
from benchmarks.stability.arguments import Arguments
from benchmarks.tables import formats
from benchmarks.tables.markers import put_between_markers
from benchmarks.tables.stability import LEGEND, tables


def show(arguments: Arguments, console: Console, errors: Console) -> int:
    """Print the table, or write it where it was asked for; 0.

    Raises:
        UsageError: nothing is stored.
    """
    measured, problems = read_stabilities(arguments.output)
    for problem in problems:
        errors.print(f"left out: {escape(problem)}")
    if not measured:
        raise UsageError(f"no measurement in {arguments.output}: make one with python -m benchmarks.stability RUN.json")
    built = tables(measured)
    if arguments.readme is not None:
        put_between_markers(arguments.readme, arguments.section, f"{formats.markdown(built)}\n{LEGEND}\n")
        return 0
    missing = {f"{name}: {why}" for one in measured for name, why in one.missing.items()}
    formats.print_tables(built, console, [LEGEND, *sorted(missing)])
    return 0
