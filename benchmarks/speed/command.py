"""What `python -m benchmarks.speed` does with its arguments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from rich.console import Console
from rich.markup import escape

from benchmarks.command_line.usage import UsageError, require_writable
from benchmarks.plots.speed import save_sweep
from benchmarks.protocols.speed import catalogue
from benchmarks.protocols.speed.run import perform
from benchmarks.protocols.speed.series import all_series
from benchmarks.records.speed import SpeedRun, read_runs
from benchmarks.speed.arguments import Arguments
from benchmarks.tables.markers import around_markers, put_between_markers
from benchmarks.tables.speed import markdown, missed_markdown, terminal_tables, title

SECTIONS = {"speed": markdown, "speed-missed": missed_markdown}
"""What is put into a README, by the name of the lines around it."""


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


def measure(arguments: Arguments, console: Console, errors: Console) -> int:
    """Measure what is not stored yet, and show all; 0.

    Raises:
        UsageError, RecordError: a mistake of the user's, in a sentence.
    """
    if not console.is_terminal:
        console.width = 120  # of a log or a pipe, where nothing says how wide
    check(arguments)
    if arguments.report:
        runs = stored(arguments.output, errors)
    else:
        runs = [
            perform(series, torch.device(arguments.device), threads, arguments.output, console, arguments.force)
            for threads in dict.fromkeys(arguments.threads or (torch.get_num_threads(),))
            for series in all_series(sweep=arguments.sweep, quick=arguments.quick)
        ]
    show(runs, arguments.readme, console)
    return 0
