"""Jobs on this machine, some at a time, its cores and GPUs shared out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from queue import SimpleQueue

from rich.console import Console

from benchmarks.data import machine
from benchmarks.data.machine import cores
from benchmarks.sweep.job import TICK, Job, Outcome, carry_out


def gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    import torch  # takes seconds, for which help does not wait

    count = torch.cuda.device_count()
    return os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(count)))).split(",")[:count]


def shares(workers: int | None) -> list[dict[str, str]]:
    """The environment of each worker: its share of the cores, and a GPU where there are some.

    The share does not depend on how much there is to do: the number of threads moves the last digits of results.

    Args:
        workers: How many; None: one for each GPU, or where there is none for each core.
    """
    devices = gpus()
    count = workers or len(devices) or cores()
    threads = {"OMP_NUM_THREADS": str(max(1, cores() // count))}
    if not devices:
        return [threads] * count
    return [{**threads, "CUDA_VISIBLE_DEVICES": devices[index % len(devices)]} for index in range(count)]


def warn_of_crowding(environments: Sequence[Mapping[str, str]], errors: Console) -> None:
    """Say where the threads of all runs that go on at a time are more than there are free cores."""
    threads = int(environments[0]["OMP_NUM_THREADS"])
    if threads > 1 and "CUDA_VISIBLE_DEVICES" not in environments[0]:
        machine.warn_of_crowding(threads * len(environments), f"give --workers {cores()}, a thread each", errors)


def perform(
    environments: Sequence[Mapping[str, str]], jobs: Sequence[Job], stop_requested: Callable[[], bool]
) -> Iterator[list[Outcome]]:
    """Do the jobs, one at a time in each of the environments; yields what has ended, often, until all have."""
    free: SimpleQueue[Mapping[str, str]] = SimpleQueue()
    for environment in environments:
        free.put(environment)

    def carry_out_in_a_free_one(job: Job) -> Outcome:
        environment = free.get()
        try:
            return carry_out(job, environment, stop_requested)
        finally:
            free.put(environment)

    pool = ThreadPoolExecutor(len(environments))
    pending = {pool.submit(carry_out_in_a_free_one, job) for job in jobs}
    while pending:
        ended, pending = wait(pending, TICK, FIRST_COMPLETED)
        yield [future.result() for future in ended]
    pool.shutdown()
