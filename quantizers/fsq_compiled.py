"""`fsq` by kernels in C: bounding, rounding, values and codes in one pass over memory, and their gradient in another.

Codes are those of PyTorch's operations. Two computations of a bounded number centre + scale tanh(shift + slope z)
differ by rounding, and one of them may lie on the other side of a border between two levels. With u = 2^-24 and scales
of at most 1.01 they differ by at most

    4 u                  for the tangents: the kernel's is off by less than 2 u for every float32, PyTorch's by 1 ulp
    1.8 u + 2 u |shift|  for their arguments, since |x| sech^2 x < 0.45
    4 u                  for the products with the scale and the sums with the centre
    4 u                  for the numbers of levels, as the kernel and as PyTorch count them

Rows with a number that lies so near to a border, some five in a million numbers, are left by the kernel, and PyTorch
quantizes them.
"""

from contextlib import suppress
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.elementwise_compiled import kernel_and_threads
from quantizers.fsq_grid import bound_rows, nearest_digits, values_of_digits
from quantizers.functions import called_in_place
from quantizers.operations import operation

with suppress(ImportError):  # installed where no compiler was: nothing here is called
    from quantizers import elementwise_kernels

ROUNDING = 14 * 2.0**-24
"""By how much two computations of a bounded number differ at most, but for what its shift adds."""


def quantize_compiled(
    rows: Float[Tensor, "n d"], grid: Float[Tensor, "5 d"], radix: Float[Tensor, " d"], slope: float
) -> tuple[Float[Tensor, "n d"], Int64[Tensor, " n"]]:
    """The levels nearest to bounded rows, with the gradient of the bounding, and their codes.

    Args:
        rows, grid, radix: such as kernels take; the last of codes that are exact in float32.
    """
    return _Quantized.apply(rows, grid, radix, slope)


def bound_compiled(rows: Float[Tensor, "n d"], grid: Float[Tensor, "5 d"], slope: float) -> Float[Tensor, "n d"]:
    """`bound_rows`, with the gradient that `quantize_compiled` has."""
    return _Bounded.apply(rows, grid, slope)


class _Bounded(torch.autograd.Function):
    @staticmethod
    @called_in_place
    def forward(rows: Tensor, grid: Tensor, slope: float) -> Tensor:
        return bound_rows(rows, grid, slope)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, float], output: Tensor) -> None:
        rows, grid, ctx.slope = inputs
        ctx.save_for_backward(rows, grid)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        return _through_bound(ctx, grad), None, None


class _Quantized(torch.autograd.Function):
    @staticmethod
    @called_in_place
    def forward(rows: Tensor, grid: Tensor, radix: Tensor, slope: float) -> tuple[Tensor, Tensor]:
        return _quantize(rows, grid, radix, slope)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, float], output: tuple[Tensor, Tensor]) -> None:
        rows, grid, _, ctx.slope = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)  # of what has none
        ctx.save_for_backward(rows, grid)

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, _: Tensor | None) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        return None if grad is None else _through_bound(ctx, grad), None, None, None


def _through_bound(ctx: Any, grad: Tensor) -> Tensor:
    rows, grid = ctx.saved_tensors
    if torch.is_grad_enabled():  # to be differentiated again
        shift, scale = grid[:2].unbind()
        derivative = 1 - torch.tanh(torch.add(shift, rows, alpha=ctx.slope)).square()
        return grad * (derivative * scale * ctx.slope)
    return _gradient(rows, grid, grad, ctx.slope)


@operation("fsq")
def _quantize(rows: Tensor, grid: Tensor, radix: Tensor, slope: float) -> tuple[Tensor, Tensor]:
    rows = rows.contiguous()
    quantized, codes = torch.empty_like(rows), torch.empty(rows.shape[0], dtype=torch.int64)
    left = torch.empty_like(codes)
    kernel, threads = kernel_and_threads(rows.numel())
    left_count = elementwise_kernels.quantize_by_fsq(
        kernel,
        threads,
        rows.shape[0],
        rows.shape[1],
        rows.data_ptr(),
        grid.data_ptr(),
        radix.data_ptr(),
        slope,
        ROUNDING,
        quantized.data_ptr(),
        codes.data_ptr(),
        left.data_ptr(),
    )
    if left_count:
        left = left[:left_count]
        digits = nearest_digits(bound_rows(rows[left], grid, slope), grid)
        quantized[left], codes[left] = values_of_digits(digits, grid), (digits * radix).sum(1).to(torch.int64)
    return quantized, codes


@torch.library.register_fake(_quantize)
def _(rows: Tensor, grid: Tensor, radix: Tensor, slope: float) -> tuple[Tensor, Tensor]:
    return rows.new_empty(rows.shape), rows.new_empty(rows.shape[0], dtype=torch.int64)


@operation("fsq_gradient")
def _gradient(rows: Tensor, grid: Tensor, grad: Tensor, slope: float) -> Tensor:
    rows, grad = rows.contiguous(), grad.contiguous()
    out = torch.empty_like(rows)
    kernel, threads = kernel_and_threads(rows.numel())
    elementwise_kernels.gradient_of_fsq(
        kernel,
        threads,
        rows.shape[0],
        rows.shape[1],
        rows.data_ptr(),
        grid.data_ptr(),
        grad.data_ptr(),
        out.data_ptr(),
        slope,
    )
    return out


@torch.library.register_fake(_gradient)
def _(rows: Tensor, grid: Tensor, grad: Tensor, slope: float) -> Tensor:
    return rows.new_empty(rows.shape)
