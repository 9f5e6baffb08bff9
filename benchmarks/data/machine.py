"""What this machine can give: cores, memory, and work spread over threads."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Result = TypeVar("Result")

MEMORY_SHARE = 0.25
"""Of the memory available: what decoded pictures may take, all processes of this machine together."""


def processes_here() -> int:
    """Training processes on this machine, as torchrun and accelerate launch tell it."""
    return max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def cores() -> int:
    """Cores that one training process may count on."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, allowed // processes_here())


def memory_budget() -> int:
    """Bytes that one training process may fill with decoded pictures."""
    return int(psutil.virtual_memory().available * MEMORY_SHARE / processes_here())


def own_console() -> Console:
    """Standard error, from one process per machine."""
    return Console(stderr=True, quiet=os.environ.get("LOCAL_RANK", "0") != "0")


def in_threads(work: Callable[[int], Result], count: int, label: str, console: Console) -> Iterator[Result]:
    """work(0), work(1), … work(count - 1) in this order, done in parallel; a progress bar after one second.

    PIL and torch release the interpreter's lock while they decode and resize.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    began = time.monotonic()
    with (
        ThreadPoolExecutor(cores()) as pool,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task(label, total=count, visible=False)
        for start in range(0, count, 1024):  # in blocks, so that a million pictures are not a million futures
            for result in pool.map(work, range(start, min(start + 1024, count))):
                yield result
                progress.update(task, advance=1, visible=time.monotonic() - began > 1)
