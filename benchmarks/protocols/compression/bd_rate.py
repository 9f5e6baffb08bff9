"""How much larger files are at equal quality, over the qualities that two curves share (Bjøntegaard 2001)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

METHOD = "pchip"
"""Of interpolation: piecewise cubic and monotone. The classical cubic fit of four points turns back between more."""

LEAST_OVERLAP = 0.75
"""Of the qualities that either curve reaches, the share that both must: a mean over less is of little."""


class Curve(NamedTuple):
    """A way of coding at several rates.

    Attributes:
        rates: bits per pixel.
        qualities: of a metric that is better when it is higher.
    """

    rates: Sequence[float]
    qualities: Sequence[float]


def bd_rate(test: Curve, anchor: Curve) -> tuple[float | None, str]:
    """Per cent of bits that a curve takes more than the anchor at equal quality, the mean of the logarithm over the
    qualities that both reach; or None, and why there is no such number."""
    for curve in (test, anchor):
        if len(curve.rates) < 2:
            return None, "one rate"
        if not _rises(curve):
            return None, "not rising"
    overlap = _overlap(test, anchor)
    if overlap < LEAST_OVERLAP:
        return None, f"{math.floor(100 * overlap)} % shared"
    from bjontegaard import bd_rate as of_package  # which imports pyplot

    found = of_package(*_ordered(anchor), *_ordered(test), method=METHOD, require_matching_points=False)
    return float(found), ""


def rate_at(anchor: Curve, quality: float) -> float | None:
    """The rate at which a curve has that quality, interpolated as `bd_rate` does; None where it has it nowhere, or
    does not rise throughout."""
    if len(anchor.rates) < 2 or not _rises(anchor):
        return None
    rates, qualities = _ordered(anchor)
    if not qualities[0] <= quality <= qualities[-1]:
        return None
    from scipy.interpolate import PchipInterpolator

    return math.exp(float(PchipInterpolator(qualities, np.log(rates))(quality)))


def _ordered(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(curve.rates)
    return np.asarray(curve.rates, float)[order], np.asarray(curve.qualities, float)[order]


def _rises(curve: Curve) -> bool:
    return all(bool((np.diff(values) > 0).all()) for values in _ordered(curve))


def _overlap(one: Curve, other: Curve) -> float:
    lows, highs = zip(*((min(curve.qualities), max(curve.qualities)) for curve in (one, other)), strict=True)
    return max(0.0, min(highs) - max(lows)) / (max(highs) - min(lows))
