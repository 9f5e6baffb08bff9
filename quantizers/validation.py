"""Input checks: a clear `ValueError` where the host can see the value, at no cost to a GPU or a compiler.

Shapes and dtypes are always checked. Values (NaN, code range) are checked on the spot on a CPU, by an
asynchronous device assert on CUDA (no host sync), and not at all under `torch.compile`, where a check would
break the graph.
"""

import math

import torch
from jaxtyping import Bool
from torch import Tensor

MAX_SPATIAL_AXES = 3


def check_latent(z: Tensor, dim: int) -> None:
    """Raise `ValueError` unless `z` is a finite floating-point tensor (B, dim, *spatial)."""
    if not isinstance(z, Tensor):
        raise ValueError(f"z must be a torch.Tensor of shape (B, {dim}, *spatial), got {type(z).__name__}")
    if not 2 <= z.ndim <= 2 + MAX_SPATIAL_AXES or z.shape[1] != dim:
        raise ValueError(
            f"z must have shape (B, {dim}, *spatial) with 0 to {MAX_SPATIAL_AXES} spatial axes, got {tuple(z.shape)}"
        )
    if not z.is_floating_point():
        raise ValueError(f"z must have a floating-point dtype, got {z.dtype}")
    if z.numel() and _values_are_visible(z):
        low, high = torch.aminmax(z.detach())  # one pass; a NaN anywhere makes both NaN
        is_finite = torch.isfinite if z.is_cuda else math.isfinite  # on the host a float's is the quicker
        _require(is_finite(low) & is_finite(high), "z must be finite, got NaN or infinite values")


def check_codes(codes: Tensor, codes_per_position: int, codebook_size: int) -> None:
    """Raise `ValueError` unless `codes` is int64 (B, codes_per_position, *spatial) in [0, codebook_size)."""
    if not isinstance(codes, Tensor):
        raise ValueError(f"codes must be a torch.Tensor of dtype int64, got {type(codes).__name__}")
    if codes.dtype != torch.int64:
        raise ValueError(f"codes must have dtype torch.int64, got {codes.dtype}")
    if not 2 <= codes.ndim <= 2 + MAX_SPATIAL_AXES or codes.shape[1] != codes_per_position:
        raise ValueError(
            f"codes must have shape (B, {codes_per_position}, *spatial) with 0 to {MAX_SPATIAL_AXES} "
            f"spatial axes, got {tuple(codes.shape)}"
        )
    if codes.numel() and _values_are_visible(codes):
        low, high = torch.aminmax(codes)
        _require((low >= 0) & (high < codebook_size), f"codes must lie in [0, {codebook_size})")


def _values_are_visible(tensor: Tensor) -> bool:
    return not torch.compiler.is_compiling() and tensor.device.type != "meta"


def _require(condition: Bool[Tensor, ""] | bool, message: str) -> None:
    if isinstance(condition, Tensor) and condition.is_cuda:
        torch._assert_async(condition, message)
    elif not condition:
        raise ValueError(message)
