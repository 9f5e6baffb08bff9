"""The best scalar quantizers of known densities (Max 1960; Lloyd 1982)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.stats import laplace, norm

SCALE = 1 / math.sqrt(2)
"""Of the Laplacian of unit variance."""


class Density(NamedTuple):
    """A log-concave density of mean 0 and variance 1: there is then one best quantizer for a number of levels.

    Attributes:
        cdf: its distribution function.
        partial_mean: the integral of u p(u) from -infinity to x.
        quantile: of p^(1/3), which the levels of a fine quantizer follow (Panter and Dite 1951).
    """

    cdf: Callable[[np.ndarray], np.ndarray]
    partial_mean: Callable[[np.ndarray], np.ndarray]
    quantile: Callable[[np.ndarray], np.ndarray]


GAUSSIAN = Density(norm.cdf, lambda x: -norm.pdf(x), norm(scale=math.sqrt(3)).ppf)
LAPLACIAN = Density(
    laplace(scale=SCALE).cdf,
    # written so that it is 0 at both infinities
    lambda x: -(np.minimum(np.abs(x), 1e9) + SCALE) / 2 * np.exp(-np.abs(x) / SCALE),
    laplace(scale=3 * SCALE).ppf,
)


@lru_cache(maxsize=256)
def lloyd_max(density: Density, levels: int) -> float:
    """Mean squared error of the best scalar quantizer with that many levels."""
    thresholds = density.quantile(np.arange(1, levels) / levels)
    while True:
        edges = np.concatenate([[-np.inf], thresholds, [np.inf]])
        shares, means = np.diff(density.cdf(edges)), np.diff(density.partial_mean(edges))
        values = means / shares
        moved = (values[1:] + values[:-1]) / 2
        if np.abs(moved - thresholds).max(initial=0.0) < 1e-9:
            return float(1 - means @ values)  # E x^2 - E q(x)^2, the levels being means of their cells
        thresholds = moved
