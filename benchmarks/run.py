"""Train tokenizers, measure them, and show their rows: `python -m benchmarks.run --quantizer fsq`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.command_line.process import run_command
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import Record
from benchmarks.records.samples import save_samples
from benchmarks.training.arguments import parse
from quantizers import list_quantizers


def show(records: Sequence[Record], done: Sequence[Path], console: Console) -> None:
    """The table of the runs asked for, a picture of them all, and where things are."""
    from benchmarks.tables import comparable  # pandas, which help and lists need not wait for
    from benchmarks.tables.stored import print_runs

    summary = print_runs(list(zip(done, records, strict=True)), console)
    rows: dict[str, np.ndarray] = {}
    by_label = {comparable.label(record): path for record, path in zip(reversed(records), reversed(done), strict=True)}
    for label in summary["quantizer"].unique():  # in the order of the table, each with its first seed
        arrays = read_arrays(by_label[label])
        if "samples/original" in arrays:
            rows.setdefault("original", arrays["samples/original"])
            rows[label] = arrays["samples/reconstruction"]
    if rows:
        picture = done[-1].parent / "comparison.png"
        save_samples(picture, rows)
        console.print(f"picture: {escape(str(picture))}", soft_wrap=True)
    for record in records:
        training = record.training
        if training.images_per_second and training.data_images_per_second:
            console.print(
                f"{escape(comparable.label(record))} seed {record.seed}: trained on {training.images:,} {record.crops} "
                f"in {training.seconds:.0f} s, half of the time at {training.images_per_second:.0f} a second or more; "
                f"the data loader alone gives {training.data_images_per_second:.0f}",
                soft_wrap=True,
                highlight=False,
            )
    for path in done:
        console.print(f"record:  {escape(str(path))}", soft_wrap=True)


def show_quantizers(console: Console) -> None:
    """The quantizers, a line each."""
    table = Table("quantizer", "what it is", box=None, header_style="bold")
    for entry in list_quantizers():
        table.add_row(entry.name, escape(entry.description))
    console.print(table)


def main(argv: Sequence[str]) -> int:
    """The command; a user's mistake becomes a sentence and exit code 2."""
    console, errors = Console(), Console(stderr=True)
    try:
        arguments = parse(argv)
        if arguments.list:
            show_quantizers(console)
            return 0
        from benchmarks.training import session  # takes seconds, which help, lists and mistyped flags need not wait for

        runs, execution = session.prepare(arguments)
    except ValueError as error:
        errors.print(f"error: {escape(str(error))}", soft_wrap=True)
        return 2
    done = session.execute(runs, execution, console, errors, force=arguments.force)
    if done.records and execution.accelerator.is_main_process:
        show(done.records, done.paths, console)
    return done.code


if __name__ == "__main__":
    run_command(main)
