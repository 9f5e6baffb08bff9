"""A work measured in a process of its own: what was measured before leaves no memory, threads or caches behind."""

from __future__ import annotations

import torch

from benchmarks.data.machine import torch_threads
from benchmarks.data.workers import worker_pool
from benchmarks.protocols.speed.catalogue import find_work
from benchmarks.protocols.speed.measure import Effort, measure
from benchmarks.protocols.speed.work import Work
from benchmarks.records.speed import Group


def measure_apart(work: Work, device: torch.device, threads: int, effort: Effort) -> Group:
    """`measure`, on so many threads, in a new process that ends with it."""
    with worker_pool(1) as pool:
        return pool.submit(_measure, work.name, device.type, threads, effort).result()


def _measure(name: str, device: str, threads: int, effort: Effort) -> Group:
    with torch_threads(threads):
        return measure(find_work(name), torch.device(device), effort)
