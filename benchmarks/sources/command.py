"""What `python -m benchmarks.sources` does with its arguments."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.markup import escape

from benchmarks.command_line.bars import counting_bar
from benchmarks.command_line.options import parse_options
from benchmarks.command_line.usage import UsageError, require_writable
from benchmarks.metrics.codes import has_codebook
from benchmarks.plots.source_coding import save_figures
from benchmarks.protocols.source_coding.run import RunConfig, make_quantizer, perform_all, record_path
from benchmarks.records.files import find_records, if_stored
from benchmarks.records.source_coding import read_run, read_runs
from benchmarks.sources.arguments import Arguments
from benchmarks.tables import source_coding as tables
from benchmarks.tables.markers import around_markers, put_between_markers
from quantizers import list_quantizers, quantizer_class
from quantizers.registry import source_digest


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
    bar = counting_bar(errors)
    failed = 0
    with bar:
        task = bar.add_task("source coding", total=len(todo))
        workers = min(arguments.workers or torch.get_num_threads(), max(1, len(todo)))
        for run, result in perform_all(todo, arguments.output, workers):
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


def code_sources(arguments: Arguments, console: Console, errors: Console) -> int:
    """Do the runs and show them: 0 when all is there, 1 when a run failed or a file is none.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    if not console.is_terminal:
        console.width = 120  # of a log or a pipe, where nothing says how wide
    if arguments.readme is not None:
        around_markers(arguments.readme, "source-coding")
    if arguments.report:
        paths = list(find_records([arguments.output])) if arguments.output.is_dir() else []
        return 0 if show(arguments, paths, console, errors) else 1
    runs, left_out = plan(arguments)
    require_writable(arguments.output)
    for problem in left_out:
        errors.print(f"left out: {escape(problem)}")
    signal.signal(signal.SIGTERM, stop)
    failed = execute(arguments, runs, errors, errors)
    paths = [path for run in runs if (path := record_path(run, arguments.output)).exists()]
    complete = show(arguments, paths, console, errors) if paths else False
    return 0 if complete and not failed else 1
