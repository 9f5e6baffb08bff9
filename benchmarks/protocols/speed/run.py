"""A speed run from what was asked for to its stored file: group by group, none done twice."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

import torch
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.data.machine import torch_threads
from benchmarks.protocols.speed import catalogue
from benchmarks.protocols.speed.conditions import conditions_here
from benchmarks.protocols.speed.limits import measure_limits
from benchmarks.protocols.speed.measure import FULL, QUICK, SWEEP, Effort, measure
from benchmarks.protocols.speed.work import Work
from benchmarks.records.files import write_model
from benchmarks.records.speed import SCHEMA, SpeedRun, read_run
from storage.paths import StrPath


@dataclass(frozen=True)
class Series:
    """Works that are measured with one effort and stored in one file."""

    name: Literal["works", "sweep"]
    works: Sequence[Work]
    effort: Effort
    quick: bool


def all_series(*, sweep: bool, quick: bool) -> list[Series]:
    """What a command measures for each number of threads."""
    works = [work for work in catalogue.works() if not (quick and work.long)]
    series = [Series("works", works, QUICK if quick else FULL, quick)]
    if sweep:
        series.append(Series("sweep", catalogue.sweep_works(), QUICK if quick else SWEEP, quick))
    return series


def perform(
    series: Series, device: torch.device, threads: int, output: StrPath, console: Console, force: bool
) -> tuple[Path, SpeedRun]:
    """Measure what is not stored yet, storing each group as it is done.

    Raises:
        RecordError: the run's file is there and is none.
    """
    output = Path(output)
    with torch_threads(threads):
        conditions = conditions_here(series.name, device, quick=series.quick)
        path = output / f"{conditions.id}.json"
        if path.exists() and not force:
            run = read_run(path)
        else:
            run = SpeedRun(
                schema_version=SCHEMA,
                protocol=conditions.protocol,
                conditions=conditions,
                limits=measure_limits(device),
                groups=[],
                command=shlex.join(["python", "-m", "benchmarks.speed", *sys.argv[1:]]),
                created=datetime.now(timezone.utc),
                wall_seconds=0.0,
            )
        with _bar(f"{series.name}, {threads} threads", len(series.works), console) as advance:
            for work in series.works:
                if run.group(work.name) is None:
                    begin = time.perf_counter()
                    group = measure(work, device, series.effort, advance)
                    run = run.with_group(group, time.perf_counter() - begin)
                    write_model(path, run)
                advance(None)
    return path, run


@contextmanager
def _bar(title: str, total: int, console: Console) -> Iterator[Callable[[str | None], None]]:
    """A progress bar, or a line per group where the output is no terminal.

    Yields a function that takes what is being done, or None when a group is over.
    """
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[doing]}"),
        console=console,
        disable=not console.is_terminal,
    )
    done = 0
    with bar:
        task = bar.add_task(title, total=total, doing="")

        def advance(doing: str | None) -> None:
            nonlocal done
            if doing is not None:
                bar.update(task, doing=escape(doing))
                return
            done += 1
            bar.update(task, completed=done)
            if bar.disable:
                console.print(f"{title}: {done}/{total}")

        yield advance
