"""Train tokenizers, measure them, and show their rows: `python -m benchmarks.run --quantizer fsq`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autoencoders.pictures.perceptual import choose_perceptual
from benchmarks.command_line.usage import require_writable
from benchmarks.data import Data, open_data
from benchmarks.protocols.reconstruction.evaluation import MetricWeights
from benchmarks.records.grids import save_grid
from benchmarks.records.record import Record, read_arrays
from benchmarks.tables import comparable, formats, summaries
from benchmarks.training.arguments import Arguments, parse, plan, require_memory
from benchmarks.training.experiment import Execution, find_done, perform_with_bar, record_path
from benchmarks.training.loop import TrainingError, TrainingStopped, make_accelerator
from benchmarks.training.settings import RunConfig, describe
from quantizers import list_quantizers
from storage.checkpoint import CheckpointError


def show(records: Sequence[Record], done: Sequence[Path], console: Console) -> None:
    """The table of the runs asked for, a picture of them all, and where things are."""
    paths = {record.id: [path] for record, path in zip(records, done, strict=True)}
    summary = summaries.summarise(summaries.to_frame(records), summaries.stored_resamples(paths))
    formats.print_tables(summaries.comparison(summary), console, [summaries.LEGEND, *summaries.remarks(records)])
    rows: dict[str, np.ndarray] = {}
    by_label = {comparable.label(record): path for record, path in zip(reversed(records), reversed(done), strict=True)}
    for label in summary["quantizer"].unique():  # in the order of the table, each with its first seed
        arrays = read_arrays(by_label[label])
        if "samples/original" in arrays:
            rows.setdefault("original", arrays["samples/original"])
            rows[label] = arrays["samples/reconstruction"]
    if rows:
        picture = done[-1].parent / "comparison.png"
        save_grid(picture, rows)
        console.print(f"picture: {escape(str(picture))}", soft_wrap=True)
    for record in records:
        training = record.training
        if training.images_per_second and training.data_images_per_second:
            console.print(
                f"{escape(comparable.label(record))} seed {record.seed}: trained on {training.images:,} images in "
                f"{training.seconds:.0f} s, {training.images_per_second:.0f} images/s; the data loader alone gives "
                f"{training.data_images_per_second:.0f} images/s",
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


def prepare(arguments: Arguments) -> tuple[list[RunConfig], Data, Execution]:
    """Everything that can be found wrong with what was asked for is found here, before the first run starts.

    Raises:
        ValueError: a mistake of the user's, in a sentence (DataError and UsageError are of this kind).
    """
    runs = plan(arguments)
    require_writable(arguments.output)
    weights = MetricWeights.find(inception=arguments.inception, lpips_backbone=arguments.lpips_backbone)
    accelerator = make_accelerator(arguments.train, arguments.cpu)
    settings = runs[0].settings
    require_memory(settings, accelerator)
    choice = choose_perceptual(arguments.loss.perceptual, settings.loss.lpips_backbone)
    notes = {"perceptual loss": choice.reason} if arguments.loss.perceptual == "auto" else {}
    with accelerator.local_main_process_first():  # one process downloads, where there is something to download
        data = open_data(arguments.data)
    execution = Execution(
        arguments.output, accelerator, weights, arguments.checkpoint_every, arguments.eval_batch_size, notes
    )
    return runs, data, execution


def execute(
    arguments: Arguments,
    runs: Sequence[RunConfig],
    data: Data,
    execution: Execution,
    console: Console,
    errors: Console,
) -> int:
    """Do the runs; 0 when all are done, 1 when one failed, 130 when the user stopped them."""
    accelerator = execution.accelerator
    console.quiet = errors.quiet = not accelerator.is_main_process
    records, paths, failures = [], [], []
    for run in runs:
        path = record_path(run, data, arguments.output)
        record = None if arguments.force else find_done(path, accelerator)
        if record is not None:
            console.print(f"{escape(describe(run))}: done already, see {escape(str(path))}", soft_wrap=True)
        else:
            try:
                record = perform_with_bar(run, data, execution, console)
            except (TrainingError, CheckpointError) as error:
                failures.append(run)
                errors.print(f"error: {escape(f'{describe(run)}: {error}')}", soft_wrap=True)
                continue
            except TrainingStopped as stopped:
                errors.print(f"{escape(describe(run))}: {stopped}; the same command goes on from there", soft_wrap=True)
                return 130
        records.append(record)
        paths.append(path)
    if accelerator.is_main_process:
        show(records, paths, console)
    if failures:
        errors.print(f"{len(failures)} of {len(runs)} runs failed; the others are stored")
    return 1 if failures else 0


def main(argv: Sequence[str]) -> int:
    """The command; a user's mistake becomes a sentence and exit code 2."""
    console, errors = Console(), Console(stderr=True)
    try:
        arguments = parse(argv)
        if arguments.list:
            show_quantizers(console)
            return 0
        runs, data, execution = prepare(arguments)
    except ValueError as error:
        errors.print(f"error: {escape(str(error))}", soft_wrap=True)
        return 2
    return execute(arguments, runs, data, execution, console, errors)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
