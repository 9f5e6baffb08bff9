"""Where and how exactly metrics are computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def full_float32() -> Iterator[None]:
    """No TensorFloat-32 and the same convolution algorithm every time: two GPUs shall agree."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)


def measuring_device(device: torch.device) -> torch.device:
    """Where metrics are computed: beside the tokenizer if float64 exists there, else on the CPU."""
    return device if device.type == "cuda" else torch.device("cpu")
