"""What this machine can do at most, measured."""

from __future__ import annotations

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
