"""Quantizers as source coders: train, measure, store, show: `python -m benchmarks.sources --quantizer all`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from annotated_types import Interval, MinLen
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from autoencoders.ranges import Bits, Parts, Size
from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.options import parse_options
from benchmarks.command_line.process import run_command
from benchmarks.command_line.usage import UsageError, require_writable
from benchmarks.metrics.codes import has_codebook
from benchmarks.plots.source_coding import save_figures
from benchmarks.protocols.source_coding.codec import TEST_SEED, Training
from benchmarks.protocols.source_coding.run import RunConfig, make_quantizer, perform_all, record_path
from benchmarks.protocols.source_coding.vectors import SOURCES
from benchmarks.records.files import find_records, if_stored
from benchmarks.records.source_coding import SourceName, read_run, read_runs
from benchmarks.tables import source_coding as tables
from benchmarks.tables.markers import around_markers, put_between_markers
from quantizers import list_quantizers, quantizer_class
from quantizers.registry import source_digest


@dataclass(frozen=True)
class Arguments:
    """Code known random sources with quantizers alone, between an affine encoder and decoder, and compare their
    distortion with Shannon's bound under the source-coding protocol.

    Each combination of --quantizer, --bits, --source, --block-length and --seed is one run of some seconds. A run that
    is stored already is not done again, so that a command that was stopped goes on when it is given again.
    """

    quantizer: Annotated[tuple[str, ...], MinLen(1)] = ("fsq",)
    """Names from python -m benchmarks.run --list, package.module:Class for your own, or "all"."""
    bits: tuple[Bits, ...] = (2, 4, 8, 12)
    """Bits per vector; --bits without a number leaves the rate to --options."""
    source: Annotated[tuple[SourceName, ...], MinLen(1)] = tuple(SOURCES)
    """What is coded."""
    block_length: Annotated[tuple[Size, ...], MinLen(1)] = (4,)
    """Samples of a vector."""
    seed: Annotated[tuple[Annotated[int, Interval(ge=0, lt=TEST_SEED)], ...], MinLen(1)] = (0,)
    """Seeds: of the training vectors, the initial weights, and any noise; the one above seeds the test vectors."""
    options: tuple[str, ...] = ()
    """Options of the quantizers as name=value, e.g. decay=0.9."""
    train: Training = field(default_factory=Training)
    workers: Parts = field(default_factory=torch.get_num_threads)
    """Runs at a time, each on one thread."""
    output: Path = Path("runs/source-coding")
    """Folder that runs are stored in, and the pictures of all that it holds."""
    force: bool = False
    """Do runs again that are stored already."""
    report: bool = False
    """Do no run: show and draw all that --output holds."""
    format: Literal["terminal", "markdown", "csv"] = "terminal"
    """How the table is written."""
    short: bool = False
    """Only dB above the bound, a column for each rate."""
    readme: Path | None = None
    """Put the short tables into this file, between the lines <!-- source-coding --> and
    <!-- end of source-coding -->."""


def plan(arguments: Arguments) -> tuple[list[RunConfig], list[str]]:
    """The runs asked for, and a sentence for each quantizer and rate that cannot be had.

    Raises:
        ValueError: an unknown quantizer, a setting that cannot work, or nothing left to do.
    """
    options = parse_options(arguments.options)
    names = [name for each in arguments.quantizer for name in (everyone() if each == "all" else [each])]
    runs, left_out = [], []
    for name in dict.fromkeys(names):
        quantizer_class(name)
        code = source_digest(name)
        for length in dict.fromkeys(arguments.block_length):
            for bits in dict.fromkeys(arguments.bits or (None,)):
                wanted = [
                    RunConfig(name, bits, source, length, seed, options, arguments.train, code)
                    for source in dict.fromkeys(arguments.source)
                    for seed in dict.fromkeys(arguments.seed)
                ]
                problem = why_not(wanted[0])
                if problem is None:
                    runs += wanted
                else:
                    rate = "" if bits is None else f" at {bits} bits"
                    left_out.append(f"{name}{rate}, blocks of {length}: {problem}")
    if not runs:
        raise UsageError(left_out[0])
    return runs, left_out


def everyone() -> list[str]:
    """The registered quantizers that code vectors one by one, which is what a source without neighbours asks for."""
    return [
        entry.name
        for entry in list_quantizers()
        if entry.name != "none" and getattr(entry.quantizer, "is_positionwise", True)
    ]


def why_not(run: RunConfig) -> str | None:
    """Why a run cannot be made; None when it can."""
    try:
        quantizer = make_quantizer(run)
    except ValueError as error:
        return str(error)
    return None if has_codebook(quantizer) else "it passes 32-bit floats through, which is no source code"


def execute(arguments: Arguments, runs: Sequence[RunConfig], console: Console, errors: Console) -> int:
    """Do what is not done yet under a progress bar, or a line for each where there is no terminal; returns how many
    failed."""
    todo = [run for run in runs if arguments.force or if_stored(record_path(run, arguments.output), read_run) is None]
    if len(todo) < len(runs):
        console.print(f"{len(runs) - len(todo)} of {len(runs)} runs are done already")
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
        disable=not errors.is_terminal,
    )
    failed = 0
    with bar:
        task = bar.add_task("source coding", total=len(todo))
        for run, result in perform_all(todo, arguments.output, min(arguments.workers, max(1, len(todo)))):
            if isinstance(result, Exception):
                failed += 1
                errors.print(f"error: {escape(f'{run}: {result}')}")
            elif bar.disable:
                errors.print(escape(f"{run}: {result.metrics['gap']:.2f} dB above the bound"), highlight=False)
            bar.update(task, advance=1, description=escape(str(run)))
    return failed


def show(arguments: Arguments, paths: Sequence[Path], console: Console, errors: Console) -> bool:
    """Tables of these records, pictures of all that are stored; False when some file is no run."""
    records, problems = read_runs(paths)
    for problem in problems:
        errors.print(f"left out: {escape(problem)}")
    if not records:
        raise UsageError(f"no stored run in {arguments.output}; make one with python -m benchmarks.sources")
    summary = tables.summarise(tables.to_frame(records))
    if arguments.format == "csv":
        sys.stdout.write(summary.to_csv(index=False))
    elif arguments.format == "markdown":
        sys.stdout.write(tables.markdown(summary, every_number=not arguments.short))
    else:
        tables.print_groups(summary, console, every_number=not arguments.short)
    everything = summary
    if set(paths) != set(find_records([arguments.output])):
        everything = tables.summarise(tables.to_frame(read_runs(find_records([arguments.output]))[0]))
    for picture in save_figures(everything, arguments.output):
        errors.print(f"picture: {escape(str(picture))}")
    if arguments.readme is not None:
        text = tables.markdown(summary, every_number=False)
        put_between_markers(arguments.readme, "source-coding", text)
    return not problems


def stop(number: int, frame: Any) -> None:
    """A polite kill ends the command as Ctrl-C does."""
    raise KeyboardInterrupt


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all is there, 1 when a run failed or a file is none, 2 for a user's mistake, 130 when
    stopped."""
    console, errors = Console(), Console(stderr=True, soft_wrap=True)
    if not console.is_terminal:
        console.width = 120  # of a log or a pipe, where nothing says how wide
    try:
        arguments = parse_flags(Arguments, "benchmarks.sources", argv)
        if arguments.readme is not None:
            around_markers(arguments.readme, "source-coding")
        if arguments.report:
            return 0 if show(arguments, list(find_records([arguments.output])), console, errors) else 1
        runs, left_out = plan(arguments)
        require_writable(arguments.output)
        for problem in left_out:
            errors.print(f"left out: {escape(problem)}")
        signal.signal(signal.SIGTERM, stop)
        failed = execute(arguments, runs, errors, errors)
        paths = [path for run in runs if (path := record_path(run, arguments.output)).exists()]
        complete = show(arguments, paths, console, errors) if paths else False
    except ValueError as error:
        errors.print(f"error: {escape(str(error))}")
        return 2
    except KeyboardInterrupt:
        errors.print("stopped; what was done is stored, and the same command goes on from there")
        return 130
    return 0 if complete and not failed else 1


if __name__ == "__main__":
    run_command(main)
