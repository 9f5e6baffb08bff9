"""What this machine can give: cores, memory, and work done at once.

Without torch, which help and lists do not wait for.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Result = TypeVar("Result")

MEMORY_SHARE = 0.25
"""Of the memory available: what decoded pictures may take, all processes of this machine together."""

LOOK = 0.1
"""Seconds that the cores are watched for."""

SPARE = 0.5
"""Of a core: by as much threads may outnumber the free ones, for no machine is ever quite idle."""

SAID = "QUANTIZER_ZOO_CROWDING_SAID"
"""Variable that a process leaves to those that it starts, for one warning to be enough."""

CGROUP = Path("/sys/fs/cgroup")
"""Where a container finds what it may use."""


def processes_here() -> int:
    """Training processes on this machine, as torchrun and accelerate launch tell it."""
    return max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))


def cores() -> int:
    """Cores that one training process may count on."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, allowed // processes_here())


def free_cores() -> float:
    """Cores that are idle now, of those that all training processes of this machine together may use.

    Each is watched for 0.1 s. The load average would still count what this command did a minute ago, and would not yet
    count what began a second ago. A container's quota bounds them, less what its processes use of it.
    """
    began, used = time.monotonic(), _cgroup_seconds()
    use = psutil.cpu_percent(LOOK, percpu=True)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(use))
    idle = sum(1 - use[core] / 100 for core in allowed if core < len(use))
    quota = _cgroup_quota() - (_cgroup_seconds() - used) / (time.monotonic() - began)
    return max(0.0, min(idle, quota))


def _cgroup_quota() -> float:
    """Cores, by the second version of control groups."""
    try:
        limit, period = (CGROUP / "cpu.max").read_text().split()
        return int(limit) / int(period)
    except (OSError, ValueError):  # there is none: "max 100000", or no such file
        return float("inf")


def _cgroup_seconds() -> float:
    """Of all cores, that the processes of the control group have used."""
    try:
        return int((CGROUP / "cpu.stat").read_text().split()[1]) / 1e6
    except (OSError, ValueError, IndexError):
        return 0.0


def crowding(threads: int) -> str | None:
    """Where the threads of each training process, several, are more than there are free cores: both in words."""
    if threads == 1:
        return None
    free, total = free_cores(), threads * processes_here()
    if total - free <= SPARE:
        return None
    return f"{total} threads, and {free:.1f} of {cores() * processes_here()} cores free"


def warn_of_crowding(threads: int, instead: str, console: Console) -> None:
    """Say it once, in this process or in one that it starts, if threads are more than there are free cores.

    Args:
        threads: Of each training process.
        instead: What to do.
    """
    if not os.environ.get(SAID):
        os.environ[SAID] = "1"
        if (found := crowding(threads)) is not None:
            console.print(
                f"{found}: threads that wait for each other on busy cores can take ten times as long; {instead}, or "
                "begin when the machine is idle",
                soft_wrap=True,
                highlight=False,
            )


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """PyTorch on `count` CPU threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def memory_budget() -> int:
    """Bytes that one training process may fill with decoded pictures."""
    return int(psutil.virtual_memory().available * MEMORY_SHARE / processes_here())


def own_console() -> Console:
    """Standard error, from one process per machine."""
    return Console(stderr=True, quiet=os.environ.get("LOCAL_RANK", "0") != "0")


class Parallel(Protocol):
    """What does work(0), work(1), … work(count - 1), somehow at once, and gives the results in this order."""

    def __call__(self, work: Callable[[int], Result], count: int, label: str, console: Console) -> Iterator[Result]: ...


def in_threads(work: Callable[[int], Result], count: int, label: str, console: Console) -> Iterator[Result]:
    """The work on this machine's cores, under a progress bar, as `Parallel` says.

    PIL and torch release the interpreter's lock while they decode and resize.
    """
    with ThreadPoolExecutor(cores()) as pool:
        # in blocks, so that a million pictures are not a million futures
        blocks = (range(start, min(start + 1024, count)) for start in range(0, count, 1024))
        yield from with_bar((result for block in blocks for result in pool.map(work, block)), count, label, console)


def with_bar(results: Iterable[Result], count: int, label: str, console: Console) -> Iterator[Result]:
    """The results as they come; a progress bar after one second."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    began = time.monotonic()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(label, total=count, visible=False)
        for result in results:
            yield result
            progress.update(task, advance=1, visible=time.monotonic() - began > 1)
