"""Work that several processes do in step, and what becomes of an error that only one of them meets.

The others wait for it in a collective operation, which nothing interrupts: they would wait for ever, or see no more
than a connection that closes. So the processes tell each other of errors beside these operations, through the store by
which they found each other.

An error that all meet alike is as that of a single process: it is raised, and the next work can begin. After one that
only some meet nothing can be done in step any more: the first process says what happened where, and all end together,
with exit code 1. What is stored is stored whole, so that the same command goes on from there.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, TypeVar

import torch.distributed as dist
from accelerate import Accelerator
from torch.distributed.distributed_c10d import _get_default_store

from benchmarks.training.loop import TrainingError

Result = TypeVar("Result")

TICK = 0.2
"""Seconds between two looks at what the others say."""
GRACE = 10.0
"""Seconds that the others have to meet the same error."""
PATIENCE = 3 * GRACE
"""Seconds to wait for a process that says nothing, for it may have been killed."""

_numbers = itertools.count()


def in_step(name: str, work: Callable[[], Result]) -> Result:
    """What the work returns, once it is done on all processes. All call this at once, and equally often.

    Args:
        name: What is worked on, for the sentence on an error.
        work: An error of it that is no `TrainingError`, `ValueError` or `OSError` shows where it comes from.

    Raises:
        Exception: what `work` raised, where it raised the same on all processes. Otherwise the process ends.
    """
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return work()
    meeting = _Meeting(name)
    threading.Thread(target=meeting.watch, daemon=True).start()
    try:
        result = work()
    except Exception as error:
        is_sentence = isinstance(error, TrainingError | ValueError | OSError)
        meeting.tell(str(error) if is_sentence else f"{type(error).__name__}: {error}")
        if meeting.is_agreed(PATIENCE):
            raise
        if not is_sentence:
            traceback.print_exc()
        meeting.leave()
    meeting.tell(None)
    if not meeting.is_agreed(math.inf):
        meeting.leave()
    return result


def in_turn(name: str, work: Callable[[], Result], accelerator: Accelerator) -> Result:
    """`in_step`, each machine's first process before the others: it downloads, where there is something to download."""

    def in_my_turn() -> Result:
        try:
            if not accelerator.is_local_main_process:
                accelerator.wait_for_everyone()
            return work()
        finally:
            if accelerator.is_local_main_process:
                accelerator.wait_for_everyone()

    return in_step(name, in_my_turn)


class _Meeting:
    """What the processes say of how one work ended: by an error, or by None."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        # Works have the same numbers on all processes, which do them in the same order.
        self.store = dist.PrefixStore(f"in-step-{next(_numbers)}", _get_default_store())
        self.ended = threading.Event()
        self.gate = threading.Lock()  # between a work that ends and a watch that ends the process

    def tell(self, error: str | None) -> None:
        """This process has ended its work."""
        with self.gate:
            self.ended.set()
            self.store.set(str(self.rank), json.dumps(error))

    def told(self) -> dict[int, str | None]:
        """What has been said, by process."""
        ranks = [rank for rank in range(self.size) if self.store.check([str(rank)])]
        return {rank: json.loads(self.store.get(str(rank))) for rank in ranks}

    def is_agreed(self, patience: float) -> bool:
        """Whether all processes have ended their work, and alike: all well, or all by the same error."""
        end = time.monotonic() + patience
        while len(told := self.told()) < self.size and not self.store.add("left", 0) and time.monotonic() < end:
            time.sleep(TICK / 10)
        return len(told) == self.size and len(set(told.values())) == 1

    def watch(self) -> None:
        """End this process when another one has met an error that does not come here too."""
        with suppress(RuntimeError):  # of the store, whose process may have gone
            while not self.ended.wait(TICK):
                if any(error is not None for error in self.told().values()) and not self.ended.wait(GRACE):
                    with self.gate:
                        if not self.ended.is_set():
                            self.leave()

    def leave(self) -> NoReturn:
        """Say what happened, once, wait for the others, and end the process, whatever its main thread waits for."""
        with suppress(RuntimeError):
            told = self.told()
            if self.rank == 0:
                self._say(told)
            self.store.add("left", 1)
            end = time.monotonic() + PATIENCE
            while self.store.add("left", 0) < self.size and time.monotonic() < end:
                time.sleep(TICK)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)

    def _say(self, told: dict[int, str | None]) -> None:
        for rank, error in told.items():
            if error is not None:
                print(f"error: {self.name}: process {rank} of {self.size}: {error}", file=sys.stderr)
        print("all processes have stopped; the same command goes on from there", file=sys.stderr, flush=True)
