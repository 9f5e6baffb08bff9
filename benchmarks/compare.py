"""Turn stored runs into a comparison table: `python -m benchmarks.compare results`."""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.markup import escape

from benchmarks import tables
from benchmarks.readme import put_between_markers
from benchmarks.results import read_records


@dataclass(frozen=True)
class Arguments:
    """Compare stored runs: one table for each protocol, preset and data set, means over seeds with their spread.

    Files that are no valid runs are named and left out, and the exit code is then 1.
    """

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional] = (Path("results"), Path("runs"))
    """Stored runs (JSON files), or folders of them."""
    format: Literal["terminal", "markdown", "csv"] = "terminal"
    """How the table is written; csv gives one row per quantizer with means and standard deviations."""
    output: Path | None = None
    """Write the table to this file instead of the screen."""
    readme: Path | None = None
    """Put the Markdown table into this file, between the lines <!-- table --> and <!-- end of table -->."""
    quantizer: tuple[str, ...] = ()
    """Only these quantizers."""
    preset: tuple[str, ...] = ()
    """Only these presets."""
    data: tuple[str, ...] = ()
    """Only these data sets."""


def main(arguments: Arguments) -> int:
    """Print or write the table; 0 when every file was a valid run, 1 when some were not, 2 when none is there."""
    errors = Console(stderr=True, soft_wrap=True)
    paths = [path for path in arguments.paths if path.exists()]
    for path in arguments.paths:
        if path not in paths and arguments.paths != Arguments().paths:
            errors.print(f"error: {escape(str(path))} does not exist; name a folder of stored runs")
            return 2
    stored, problems = read_records(paths)
    for problem in problems:
        errors.print(f"left out: {escape(problem)}")
    records = [
        record
        for _, record in stored
        if (not arguments.quantizer or record.quantizer.name in arguments.quantizer)
        and (not arguments.preset or record.preset in arguments.preset)
        and (not arguments.data or record.data["name"] in arguments.data)
    ]
    if not records:
        named = ", ".join(str(path) for path in arguments.paths)
        errors.print(f"error: no stored run in {escape(named)} fits; make one with python -m benchmarks.run")
        return 2
    summary = tables.summarise(tables.to_frame(records))
    if arguments.readme is not None:
        try:
            put_between_markers(arguments.readme, "table", tables.markdown(summary))
        except (OSError, ValueError) as error:
            errors.print(f"error: {escape(str(error))}")
            return 2
    elif arguments.format == "terminal" and arguments.output is None:
        console = Console()
        tables.print_groups(summary, console)
        for remark in tables.remarks(records):
            console.print(escape(remark))
    else:
        text = summary.to_csv(index=False) if arguments.format == "csv" else tables.markdown(summary)
        if arguments.output is None:
            sys.stdout.write(text)
        else:
            arguments.output.write_text(text, encoding="utf-8")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments, description=inspect.cleandoc(Arguments.__doc__ or ""))))
