"""Input checks: a clear `ValueError` where the host can see the value, at no cost to a GPU or a compiler.

Shapes and dtypes are always checked. Values (NaN, code range) are checked on the spot on a CPU, by an
asynchronous device assert on CUDA (no host sync), and not at all under `torch.compile`, where a check would
break the graph.
"""

import math
from collections.abc import Collection

import torch
from jaxtyping import Bool
from torch import Tensor

MAX_SPATIAL_AXES = 3

MAX_CHANNELS = 2**20
"""Of anything that is a width; far above any use, so that a slip of the pen does not ask for all the memory."""

MAX_PARTS = 1024
"""Of anything that is made of several modules, likewise."""


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


def check_integer(name: str, value: object, low: int, high: int | None = None) -> int:
    """Return `value` if it is an integer in [low, high], else raise a `ValueError` that names the option."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
        expected = f"an integer >= {low}" if high is None else f"an integer from {low} to {high}"
        raise ValueError(f"{name} must be {expected}, got {value!r}")
    return value


def check_number(name: str, value: object, low: float, high: float = float("inf")) -> float:
    """Return `value` if it is a finite number in [low, high], else raise a `ValueError` that names the option."""
    is_finite = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not isinstance(value, int | float) or not is_finite or not low <= value <= high:
        expected = f"a number from {low} to {high}" if math.isfinite(high) else f"a finite number >= {low}"
        raise ValueError(f"{name} must be {expected}, got {value!r}")
    return float(value)


def check_flag(name: str, value: object) -> bool:
    """Return `value` if it is True or False, else raise a `ValueError` that names the option."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return value


def check_choice(name: str, value: object, choices: Collection[str]) -> str:
    """Return `value` if it is one of `choices`, else raise a `ValueError` that names the option."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value


def _values_are_visible(tensor: Tensor) -> bool:
    return not torch.compiler.is_compiling() and tensor.device.type != "meta"


def _require(condition: Bool[Tensor, ""] | bool, message: str) -> None:
    if isinstance(condition, Tensor) and condition.is_cuda:
        torch._assert_async(condition, message)
    elif not condition:
        raise ValueError(message)
