"""Gradient estimators: how a gradient passes a step that has none."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


class _StraightThrough(torch.autograd.Function):
    """Value of the second argument, gradient of the first, and no pass over memory for either."""

    @staticmethod
    def forward(rows: Tensor, quantized: Tensor) -> Tensor:
        return quantized.view_as(quantized)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return grad, None


def straight_through(rows: Float[Tensor, "n d"], quantized: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Exactly `quantized` forward, the identity to `rows` backward (Bengio et al. 2013, arXiv:1308.3432).

    The usual `rows + (quantized - rows).detach()` returns `quantized` only up to rounding.
    """
    return _StraightThrough.apply(rows, quantized.detach())
