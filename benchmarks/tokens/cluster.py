"""Files of codes as tasks of Ray, on machines that share the folders and the Python environment.

A file is a task: it depends on nothing but what is sent with it, so a task whose process or machine dies is done again
elsewhere, and what it leaves is no file. Ray Data streams blocks through a pipeline instead, and its sinks name files
by these blocks; here a file is of the same pictures, in order, whoever makes it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks.command_line.cluster import connected
from benchmarks.data.machine import Result, cores, torch_threads, with_bar
from benchmarks.tokens.arguments import Arguments
from benchmarks.tokens.work import Work
from priors.token_writer import TokenSetWriter

RETRIES = 3
"""Times that a task is begun again whose process or machine dies."""

LOOKS = 1024
"""Items of a task that decodes and checks."""


@contextmanager
def executor(arguments: Arguments) -> Iterator[OnRay]:
    """What makes files as Ray finds room for them. UsageError where there is no such Ray."""
    assert arguments.ray is not None
    cpus, gpus = arguments.cpus_per_worker, arguments.gpus_per_worker
    workers = arguments.workers or max(1, cores() // cpus)
    with connected(arguments.ray, workers * cpus, gpus, "--gpus-per-worker") as ray:
        yield OnRay(ray, cpus, gpus)


@dataclass(frozen=True)
class OnRay:
    """Tasks of Ray.

    Attributes:
        ray: Its module, connected.
        cpus: Cores, and threads, of each task that makes a file.
        gpus: GPUs of it.
    """

    ray: Any
    cpus: int
    gpus: float

    def parallel(self, work: Callable[[int], Result], count: int, label: str, console: Console) -> Iterator[Result]:
        """A task for every so many items."""
        task = self.ray.remote(num_cpus=1, max_retries=RETRIES)(_do_each)
        held = self.ray.put(work)
        parts = (range(start, min(start + LOOKS, count)) for start in range(0, count, LOOKS))
        pending = [task.remote(Path.cwd(), held, part) for part in parts]
        return with_bar(chain.from_iterable(map(self._result, pending)), count, label, console)

    def prepare(self, writer: TokenSetWriter) -> list[int]:
        return writer.prepare()

    def make(self, work: Work, numbers: Sequence[int], advance: Callable[[int], None]) -> bool:
        # without max_calls a process with a GPU would be started anew for each file
        task = self.ray.remote(num_cpus=self.cpus, num_gpus=self.gpus, max_retries=RETRIES, max_calls=0)(_make)
        # its process loads by itself where it has one core, and has as many as it was given where it has more
        held = self.ray.put(replace(work, data=replace(work.data, workers=self.cpus - 1)))  # type: ignore[type-var]
        device = "cuda" if self.gpus else "cpu"
        pending = {task.remote(Path.cwd(), held, number, device, self.cpus): number for number in numbers}
        while pending:
            (ended,), _ = self.ray.wait([*pending])
            advance(self._result(ended))
            del pending[ended]
        return True

    def _result(self, reference: Any) -> Any:
        """What a task returns. Raises what it raised, or OSError where Ray could not have it done."""
        from ray.exceptions import RayError, RayTaskError

        try:
            return self.ray.get(reference)
        except RayTaskError as error:
            raise error.cause from error
        except RayError as error:
            raise OSError(f"Ray: {str(error).strip().splitlines()[-1]}; the same command goes on from there") from error


def _do_each(folder: Path, work: Callable[[int], Result], items: range) -> list[Result]:
    os.chdir(folder)
    return [work(item) for item in items]


def _make(folder: Path, work: Work, number: int, device: str, threads: int) -> int:
    """Make a file; how many items it is of."""
    os.chdir(folder)
    with torch_threads(threads):
        work.make([number], torch.device(device), lambda _: None)
    return len(work.writer.places(number))
