"""How much a film's reconstruction flickers: what its frames change by beside what they should change by."""

from __future__ import annotations

from jaxtyping import UInt8
from torch import Tensor

from benchmarks.metrics.unmeasured import Unmeasured


def flicker(reconstruction: UInt8[Tensor, "t 3 h w"], original: UInt8[Tensor, "t 3 h w"]) -> float:
    """Mean absolute difference between the changes from one frame to the next, in levels of 255, in float64. A constant
    error costs nothing. Unmeasured where there is but one frame."""
    if len(original) < 2:
        raise Unmeasured("a single frame changes nothing")
    changes = reconstruction.double().diff(dim=0) - original.double().diff(dim=0)
    return float(changes.abs().mean())
