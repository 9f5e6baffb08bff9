"""A speed run from what was asked for to its stored file: process by process, none done twice."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from itertools import product
from pathlib import Path

import torch
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.data.machine import torch_threads
from benchmarks.protocols.speed.apart import measure_apart
from benchmarks.protocols.speed.conditions import conditions_here
from benchmarks.protocols.speed.limits import measure_limits
from benchmarks.protocols.speed.measure import together
from benchmarks.protocols.speed.series import Series
from benchmarks.records.files import write_model
from benchmarks.records.speed import SCHEMA, SpeedRun, read_run
from storage.paths import StrPath


def perform(
    series: Series, device: torch.device, threads: int, output: StrPath, console: Console, force: bool
) -> tuple[Path, SpeedRun]:
    """Measure what is not stored yet, storing what each process has measured as it ends. All works are measured once
    before any is again, so that what a machine does meanwhile shows in the spread.

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
        effort = series.effort
        with _bar(f"{series.name}, {threads} threads", effort.processes * len(series.works), console) as advance:
            for process, work in product(range(effort.processes), series.works):
                before = run.group(work.name)
                if before is None or before.processes <= process:
                    advance(f"{work.name}, process {process + 1} of {effort.processes}")
                    begin = time.perf_counter()
                    group = measure_apart(work, device, threads, effort)
                    together_now = group if before is None else together(work, [before, group])
                    run = run.with_group(together_now, time.perf_counter() - begin)
                    write_model(path, run)
                advance(None)
    return path, run


@contextmanager
def _bar(title: str, total: int, console: Console) -> Iterator[Callable[[str | None], None]]:
    """A progress bar, or a line per process where the output is no terminal.

    Yields a function that takes what is being done, or None when a process is over.
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
