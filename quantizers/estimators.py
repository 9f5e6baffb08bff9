"""Gradient estimators: how a gradient passes a step that has none."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from quantizers.elementwise_compiled import add_commitment, can_use_kernels, sum_of_squares
from quantizers.functions import called_in_place

SMALLEST_NORM = 1e-6
"""Norms below it are taken for it, so that the rotation of a vector near 0 has a finite gradient."""


class _StraightThrough(torch.autograd.Function):
    """Value of the second argument, gradient of the first, and no pass over memory for either."""

    @staticmethod
    @called_in_place
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
    if not torch.is_grad_enabled():  # which takes as long as several operations on small tensors
        return quantized
    return _StraightThrough.apply(rows, quantized.detach())


class _Committed(torch.autograd.Function):
    """As `_StraightThrough`, with the mean squared error, whose gradient is added to the other where it is made."""

    @staticmethod
    @called_in_place
    def forward(rows: Tensor, quantized: Tensor) -> tuple[Tensor, Tensor]:
        return quantized.view_as(quantized), _mean_squared_error(rows, quantized)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: tuple[Tensor, Tensor]) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor, error_grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        rows, quantized = ctx.saved_tensors
        factor = error_grad * (2 / max(rows.numel(), 1))
        if can_use_kernels(rows, quantized, grad) and not torch.is_grad_enabled():  # not to be differentiated again
            return add_commitment(rows, quantized, factor, grad), None
        return (rows - quantized).mul_(factor).add_(grad), None


def committed(
    rows: Float[Tensor, "n d"], quantized: Float[Tensor, "n d"]
) -> tuple[Float[Tensor, "n d"], Float[Tensor, ""]]:
    """`straight_through`, and the mean of (rows - sg(quantized))^2 over all elements, 0 for an empty batch."""
    if not torch.is_grad_enabled():
        return quantized, _mean_squared_error(rows, quantized)
    return _Committed.apply(rows, quantized.detach())


def _mean_squared_error(rows: Float[Tensor, "n d"], quantized: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    total = sum_of_squares if can_use_kernels(rows, quantized) else _sum_of_squares
    return total(rows, quantized) / max(rows.numel(), 1)


def _sum_of_squares(rows: Float[Tensor, "n d"], quantized: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    return (rows - quantized).square_().sum()


class _RotationTrick(torch.autograd.Function):
    @staticmethod
    @called_in_place
    def forward(rows: Tensor, quantized: Tensor) -> Tensor:
        return quantized.view_as(quantized)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        rows, quantized = ctx.saved_tensors
        source_norm, source = _polar(rows)
        target_norm, target = _polar(quantized)
        _, axis = _polar(source + target)
        # R = I - 2 axis axis^T + 2 target source^T, so R^T g needs two inner products and no D x D matrix
        turned = grad - 2 * _dot(axis, grad) * axis + 2 * _dot(target, grad) * source
        return target_norm / source_norm * turned, None


def rotation_trick(rows: Float[Tensor, "n d"], quantized: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Exactly `quantized` forward; backward the transpose of the rotation and scaling that takes each row to
    its quantized vector, both held constant (Fifty et al. 2024, arXiv:2410.06424, eqs. 4 and 5).

    With e = row / |row| and q = quantized / |quantized|, quantized = |quantized| / |row| R row for
    R = I - 2 r r^T + 2 q e^T, r = (e + q) / |e + q|. The angle between a row's gradient and its code is then
    that between the output's gradient and the output.
    """
    return _RotationTrick.apply(rows, quantized.detach())


def _polar(vectors: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n 1"], Float[Tensor, "n d"]]:
    norm = torch.linalg.vector_norm(vectors, dim=1, keepdim=True).clamp_min(SMALLEST_NORM)
    return norm, vectors / norm


def _dot(a: Float[Tensor, "n d"], b: Float[Tensor, "n d"]) -> Float[Tensor, "n 1"]:
    return (a * b).sum(1, keepdim=True)


Estimator = Callable[[Tensor, Tensor], Tensor]

ESTIMATORS: dict[str, Estimator] = {"straight-through": straight_through, "rotation": rotation_trick}
"""What the option `estimator` of codebook methods can be."""
