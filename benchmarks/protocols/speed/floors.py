"""The least time that a work of given size needs on a machine of known limits."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.records.speed import Limits


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
