"""Who makes the files: this process, or several that torchrun or SLURM started; `cluster` has them made on Ray."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object
from rich.console import Console

from benchmarks.data.machine import Parallel, Result, in_threads
from benchmarks.tokens.work import Work
from priors.token_writer import TokenSetWriter

TICK = 0.5
"""Seconds between two looks for files that others make."""


class Executor(Protocol):
    """Who makes the files."""

    @property
    def parallel(self) -> Parallel:
        """Decodes and checks what the files will be of."""

    def prepare(self, writer: TokenSetWriter) -> list[int]:
        """The files that are to be made; what lies in their place is removed. TokenSetError as `writer.prepare`."""

    def make(self, work: Work, numbers: Sequence[int], advance: Callable[[int], None]) -> bool:
        """Have these files made.

        Args:
            advance: Called with the numbers of items that are done, whoever did them.

        Returns:
            Whether this process is the one that sees all of them made; others need do nothing more.
        """


@dataclass(frozen=True)
class Alone:
    """This process."""

    device: torch.device
    parallel: Parallel = in_threads

    def prepare(self, writer: TokenSetWriter) -> list[int]:
        return writer.prepare()

    def make(self, work: Work, numbers: Sequence[int], advance: Callable[[int], None]) -> bool:
        work.make(numbers, self.device, advance)
        return True


@dataclass(frozen=True)
class Ranks:
    """Processes that were started together: the files are dealt to them in turn.

    They wait for nobody while they make files. The first sees by the folder what the others have done, so that it does
    not matter how much slower one of them is; where one dies, what started them ends the others.
    """

    accelerator: Accelerator

    def parallel(self, work: Callable[[int], Result], count: int, label: str, console: Console) -> Iterator[Result]:
        """Each does its part, and has the results of all."""
        rank, size = self.accelerator.process_index, self.accelerator.num_processes
        first, last = (part * count // size for part in (rank, rank + 1))
        own = in_threads(lambda index: work(first + index), last - first, label, console)
        return iter(gather_object([*own]))

    def prepare(self, writer: TokenSetWriter) -> list[int]:
        """As the first process finds the folder."""
        outcome: list[list[int] | ValueError | OSError | None] = [None]
        if self.accelerator.is_main_process:
            try:
                outcome = [writer.prepare()]
            except (ValueError, OSError) as error:
                outcome = [error]
        (found,) = broadcast_object_list(outcome)
        if isinstance(found, Exception):
            raise found
        return list(found)

    def make(self, work: Work, numbers: Sequence[int], advance: Callable[[int], None]) -> bool:
        rank, size = self.accelerator.process_index, self.accelerator.num_processes
        is_first = self.accelerator.is_main_process
        others = {number for place, number in enumerate(numbers) if place % size != rank}

        def look() -> None:
            there = {number for number in others if work.writer.path(number).exists()}
            others.difference_update(there)
            advance(sum(len(work.writer.places(number)) for number in there))

        def advance_all(items: int) -> None:
            advance(items)
            if is_first:
                look()

        work.make(numbers[rank::size], self.accelerator.device, advance_all)
        while is_first and others:
            time.sleep(TICK)
            look()
        return is_first
