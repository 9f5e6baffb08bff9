"""Whether `torch.export` is at work: its programs take any number of rows, and run without this package."""

from collections.abc import Callable

import torch


def is_exporting() -> bool:
    """Whether `torch.export` is at work, where PyTorch tells; else a program needs this package to run."""
    tells: Callable[[], bool] = getattr(torch.compiler, "is_exporting", bool)
    return tells()
