"""Jobs as tasks of Ray, on machines that share the folder and the Python environment."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.command_line.cluster import connected
from benchmarks.sweep.job import ATTEMPTS, TICK, Executor, Job, Outcome, carry_out


@contextmanager
def executor(address: str, workers: int, cpus: int, gpus: float) -> Iterator[Executor]:
    """What does jobs as Ray finds room for them.

    Args:
        address: "local" starts Ray on this machine, "auto" takes the cluster that this one is part of; or any of Ray's.
        workers: Runs at a time where Ray is started here.
        cpus: Cores of each run, which are its threads.
        gpus: GPUs of each run, or its share of one.

    Raises:
        UsageError: Ray is not installed, not there, or has no such GPUs here.
    """
    with connected(address, workers * cpus, gpus, "--gpus-per-run") as ray:
        task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=ATTEMPTS - 1)(_carry_out_in)
        yield partial(_perform, task, cpus)


def _perform(task: Any, cpus: int, jobs: Sequence[Job], stop_requested: Callable[[], bool]) -> Iterator[list[Outcome]]:
    import ray

    pending = {task.remote(Path.cwd(), job, cpus): job for job in jobs}
    cancelled = False
    while pending:
        if stop_requested() and not cancelled:
            cancelled = True
            for reference in pending:
                ray.cancel(reference)  # a KeyboardInterrupt where it runs
        ended, _ = ray.wait(list(pending), timeout=TICK)
        yield [_outcome(pending.pop(reference), reference) for reference in ended]


def _carry_out_in(folder: Path, job: Job, threads: int) -> Outcome:
    os.chdir(folder)
    # What ray.cancel raises; where a shell started Ray in the background, it is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return carry_out(job, {"OMP_NUM_THREADS": str(threads)}, lambda: False)


def _outcome(job: Job, reference: Any) -> Outcome:
    """What became of a task, whether it came to its end or Ray ended it."""
    import ray
    from ray.exceptions import RayError, TaskCancelledError

    try:
        return ray.get(reference)
    except TaskCancelledError:
        return Outcome(job, "stopped")
    except RayError as error:
        return Outcome(job, "failed", f"Ray: {str(error).strip().splitlines()[-1]}")
