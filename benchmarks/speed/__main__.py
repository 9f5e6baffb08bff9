"""Time the quantizers beside the packages in use, store that, and show it: `python -m benchmarks.speed`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import torch
from annotated_types import MinLen
from rich.console import Console
from rich.markup import escape

from autoencoders.ranges import Parts
from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import run_command
from benchmarks.command_line.usage import RUNS, UsageError, require_writable
from benchmarks.plots.speed import save_sweep
from benchmarks.protocols.speed import catalogue
from benchmarks.protocols.speed.run import all_series, perform
from benchmarks.records.files import RecordError
from benchmarks.records.speed import SpeedRun, read_runs
from benchmarks.tables.markers import around_markers, put_between_markers
from benchmarks.tables.speed import markdown, missed_markdown, terminal_tables, title

SECTIONS = {"speed": markdown, "speed-missed": missed_markdown}
"""What is put into a README, by the name of the lines around it."""


@dataclass(frozen=True)
class Arguments:
    """Time the quantizers beside vector-quantize-pytorch, faiss and the naive forms, store that under the speed
    protocol, and show it.

    Every group of competitors is stored as soon as it is done: after a stop or a kill the same command goes on from
    there, and what has been measured with the same code on the same machine is not measured again. Leave the machine
    alone meanwhile. Ratios within a group mean something on any machine, milliseconds only on this one.
    """

    threads: Annotated[tuple[Parts, ...], MinLen(1)] = field(default_factory=lambda: (torch.get_num_threads(),))
    """Numbers of CPU threads, a run for each."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the quantizers run; faiss-cpu is left out on cuda."""
    output: Path = RUNS / "speed"
    """Folder of the stored runs."""
    quick: bool = False
    """A minute or two for a first look: few rounds, no long works, and stored apart."""
    sweep: bool = False
    """Also measure search and VQ-EMA training step over two decades of each size, and draw them against what the
    machine can do at most."""
    force: bool = False
    """Measure again what is stored already."""
    report: bool = False
    """Measure nothing: show and draw all runs in --output."""
    readme: Path | None = None
    """Put the tables as Markdown into this file, between the lines <!-- speed --> and <!-- end of speed -->, and what
    the time goes to where a goal is missed between those of speed-missed; one of the two is enough."""


def check(arguments: Arguments) -> None:
    """Raise UsageError where the arguments cannot work here."""
    if arguments.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: PyTorch finds no CUDA device here; leave it out to measure on the CPU")
    if arguments.readme is not None:
        sections_of(arguments.readme)
    if not arguments.report:
        require_writable(arguments.output)


def stored(folder: Path, errors: Console) -> list[tuple[Path, SpeedRun]]:
    """All runs in a folder; what is none is named and left out."""
    runs, problems = read_runs(folder)
    for problem in problems:
        errors.print(f"left out: {escape(problem)}")
    if not runs:
        raise UsageError(f"no stored run in {folder}; make one with python -m benchmarks.speed")
    return runs


def sections_of(readme: Path) -> list[str]:
    """Which of our sections a file has. UsageError without any."""
    begins = [
        name for name in SECTIONS if readme.is_file() and f"<!-- {name} -->" in readme.read_text(encoding="utf-8")
    ]
    for name in begins or SECTIONS:
        around_markers(readme, name)
    return begins


def show(runs: Sequence[tuple[Path, SpeedRun]], readme: Path | None, console: Console) -> None:
    """The tables of works, on the screen and in the README, and the pictures of sweeps."""
    goals = {work.name: work.goals for work in catalogue.works()}
    texts: dict[str, list[str]] = {name: [] for name in SECTIONS}
    for path, run in runs:
        if run.conditions.series == "sweep":
            for picture in save_sweep(path, run):
                console.print(f"picture: {escape(str(picture))}", soft_wrap=True)
        else:
            console.print(f"[bold]{escape(title(run))}[/]", soft_wrap=True, highlight=False)
            for table in terminal_tables({run.conditions.threads: run.groups}, goals, run.conditions.device):
                console.print(table, "", highlight=False, sep="\n")
            if not run.conditions.quick:
                for name, text in SECTIONS.items():
                    texts[name].append(text(run, goals))
        console.print(f"record:  {escape(str(path))}", soft_wrap=True)
    if readme is not None:
        for name in sections_of(readme):
            put_between_markers(readme, name, "\n\n".join(texts[name]))


def main(argv: Sequence[str]) -> int:
    """The command: 0 when all is there, 2 for a user's mistake, 130 when stopped."""
    console, errors = Console(), Console(stderr=True, soft_wrap=True)
    if not console.is_terminal:
        console.width = 120  # of a log or a pipe, where nothing says how wide
    arguments = parse_flags(Arguments, "benchmarks.speed", argv)
    try:
        check(arguments)
        if arguments.report:
            runs = stored(arguments.output, errors)
        else:
            runs = [
                perform(series, torch.device(arguments.device), threads, arguments.output, console, arguments.force)
                for threads in dict.fromkeys(arguments.threads)
                for series in all_series(sweep=arguments.sweep, quick=arguments.quick)
            ]
        show(runs, arguments.readme, console)
    except (UsageError, RecordError) as error:
        errors.print(f"error: {escape(str(error))}")
        return 2
    except KeyboardInterrupt:
        errors.print("stopped; what was measured is stored, and the same command goes on from there")
        return 130
    return 0


if __name__ == "__main__":
    run_command(main)
