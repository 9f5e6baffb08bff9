"""Processes that a command starts to work for it, none of which outlives it.

Without torch, which help and lists do not wait for.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import connection


@contextmanager
def worker_pool(count: int) -> Iterator[ProcessPoolExecutor]:
    """New processes, which import what they need anew; where what is done with them is stopped they are ended."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=spawn, initializer=_start_worker) as pool:
        try:
            yield pool
        except (KeyboardInterrupt, GeneratorExit):
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()  # safe at any moment: a record is written whole or not at all
            raise


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command itself ends its workers
    threading.Thread(target=_end_with_the_command, daemon=True).start()


def _end_with_the_command() -> None:
    """A command that was killed leaves no workers behind."""
    command = multiprocessing.parent_process()
    if command is not None:
        connection.wait([command.sentinel])
        os._exit(1)
