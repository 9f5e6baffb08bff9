"""A canvas beside the texture that it was drawn after."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from benchmarks.data.texture import corners
from benchmarks.metrics import autocorrelation, swd
from benchmarks.metrics.device import full_float32, measuring_device

SQUARES = 256
"""Of each kind at most: of the canvas, of the texture's training and of its test part."""


def squares_of(canvas: UInt8[Tensor, "3 h w"], size: int, count: int) -> UInt8[Tensor, "n 3 size size"]:
    """So many squares of a canvas, at the places of a Halton sequence."""
    height, width = canvas.shape[1:]
    places = corners(0, width, height, size, count)
    return torch.stack([canvas[:, top : top + size, left : left + size] for left, top in places])


def texture_metrics(
    canvas: UInt8[Tensor, "3 h w"],
    train: Iterable[UInt8[Tensor, "3 size size"]],
    test: Iterable[UInt8[Tensor, "3 size size"]],
    device: torch.device | str = "cpu",
) -> dict[str, float | None]:
    """How far the canvas is from the texture's training part, and beside it how far the test part is.

    Args:
        canvas: 8-bit, no side shorter than a square's.
        train: Squares of the texture that were trained on; as many as of `test` are taken, the first.
        test: Squares of the texture that were not.

    Raises:
        ValueError: no square.
    """
    pairs = list(zip(train, test, strict=False))[:SQUARES]
    if not pairs:
        raise ValueError("a canvas is measured beside squares of its texture, got none")
    real, held_out = (torch.stack(squares) for squares in zip(*pairs, strict=True))
    size, device = real.shape[-1], measuring_device(torch.device(device))
    sets = {"": squares_of(canvas, size, len(real)), "_of_test": held_out}
    found: dict[str, float | None] = {}
    with full_float32():
        for kind, squares in sets.items():
            found[f"swd{kind}"] = (
                swd.swd(real, squares, np.arange(len(real)), device).mean if size >= swd.MIN_SIZE else None
            )
            found[f"autocorrelation{kind}"] = autocorrelation.distance(real, squares)
    return found
