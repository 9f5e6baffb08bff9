"""Ways from a tokenizer's output to the numbers that are compared, in levels of 0 to 255.

Each takes 8-bit originals and the tokenizer's output, nominally in [-1, 1], and gives both as they are compared: uint8
where they are rounded, float32 where not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jaxtyping import Float, Num, UInt8
from torch import Tensor

from benchmarks.metrics.pictures import to_uint8

Levels = Num[Tensor, "b 3 h w"]
Conversion = Callable[[UInt8[Tensor, "b 3 h w"], Float[Tensor, "b 3 h w"]], tuple[Levels, Levels]]


def nearest(originals: UInt8[Tensor, "b 3 h w"], output: Float[Tensor, "b 3 h w"]) -> tuple[Levels, Levels]:
    """The protocol's own: clamped, rounded to the nearest level, ties to even."""
    return originals, to_uint8(output)


def half_up(originals: UInt8[Tensor, "b 3 h w"], output: Float[Tensor, "b 3 h w"]) -> tuple[Levels, Levels]:
    """127.5 x + 128 clamped to [0, 255] and truncated: rounding to the nearest level, ties upwards."""
    return originals, (127.5 * output + 128).clamp(0, 255).byte()


def truncated(originals: UInt8[Tensor, "b 3 h w"], output: Float[Tensor, "b 3 h w"]) -> tuple[Levels, Levels]:
    """Clamped and cut down to the next lower level: half a level darker in the mean."""
    return originals, unrounded(originals, output)[1].byte()


def both_truncated(originals: UInt8[Tensor, "b 3 h w"], output: Float[Tensor, "b 3 h w"]) -> tuple[Levels, Levels]:
    """The originals too go to float32 in [-1, 1] and are cut down on the way back: 95 of the 256 levels, whose float32
    lies below them, lose one."""
    images = (originals.double() / 127.5 - 1).float()
    return ((images + 1) * 127.5).byte(), truncated(originals, output)[1]


def unrounded(originals: UInt8[Tensor, "b 3 h w"], output: Float[Tensor, "b 3 h w"]) -> tuple[Levels, Levels]:
    """Clamped, and not rounded."""
    return originals, (output.float().clamp(-1, 1) + 1) * 127.5


def unclamped(originals: UInt8[Tensor, "b 3 h w"], output: Float[Tensor, "b 3 h w"]) -> tuple[Levels, Levels]:
    """Neither rounded nor clamped."""
    return originals, (output.float() + 1) * 127.5


LEVELS: Mapping[str, Conversion] = {
    "nearest": nearest,
    "half-up": half_up,
    "truncated": truncated,
    "both-truncated": both_truncated,
    "float": unrounded,
    "unclamped": unclamped,
}
"""Conversions by the names that variants call them."""
