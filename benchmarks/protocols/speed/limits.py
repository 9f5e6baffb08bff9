"""What this machine can do at most, measured, and the least time that a work of given size needs on it."""

from __future__ import annotations

from typing import NamedTuple

import torch

from benchmarks.protocols.speed.measure import seconds_per_call
from benchmarks.records.speed import Limits

MATRIX = {"cpu": 2048, "cuda": 8192}
"""Side of the square matrices that are multiplied: enough for the library to reach its best."""

COPIED = {"cpu": 2**26, "cuda": 2**28}
"""float32 elements that are copied: far more than any cache holds."""

TRIALS = 7


def measure_limits(device: torch.device) -> Limits:
    """The best of several products and copies, on as many threads as PyTorch is set to."""
    side, elements = MATRIX[device.type], COPIED[device.type]
    a, b = torch.randn(2, side, side, device=device).unbind()
    product = torch.empty_like(a)
    source = torch.randn(elements, device=device)
    target = torch.empty_like(source)
    multiply = min(seconds_per_call(lambda: torch.mm(a, b, out=product), 1, device) for _ in range(TRIALS))
    copy = min(seconds_per_call(lambda: target.copy_(source), 1, device) for _ in range(TRIALS))
    return Limits(flops_per_second=2 * side**3 / multiply, bytes_per_second=2 * 4 * elements / copy)


class Floor(NamedTuple):
    """Seconds below which a work cannot be done: by its multiplications, and by what it must read and write."""

    product: float
    copy: float


def search_floor(limits: Limits, n: int, d: int, k: int) -> Floor:
    """Of an exact search: the N x D by D x K product; reading rows and codes and writing N int64."""
    return _floor(limits, n, d, k, 4 * n * d + 4 * k * d + 8 * n)


def training_floor(limits: Limits, n: int, d: int, k: int) -> Floor:
    """Of a VQ-EMA training step: the product of its search; reading the rows and the incoming gradient, writing the
    quantized rows, their gradient and N int64 codes, and reading and writing codebook, sums and counts."""
    return _floor(limits, n, d, k, 4 * 4 * n * d + 8 * n + 2 * 4 * (2 * k * d + k))


def _floor(limits: Limits, n: int, d: int, k: int, moved: int) -> Floor:
    return Floor(2 * n * d * k / limits.flops_per_second, moved / limits.bytes_per_second)
