"""Shannon's bound: the least mean squared error that any code of a rate can have, whatever its length."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize_scalar

TIGHT_BITS = 2.0
"""Bits per sample from which on the Laplacian's D(R) is taken from Shannon's lower bound, less than 0.001 dB below."""

ITERATIONS = 5000
"""At most, of Blahut's algorithm; its bounds hold after any number of them."""

LEAST_SHARE = 1e-12
"""Of a reproduction: one that a long step all but rules out must be able to come back."""

Density = Callable[[np.ndarray], np.ndarray]
"""Of a symmetric variable's absolute value, up to a constant factor."""


def gaussian_distortion(variances: Float[np.ndarray, " n"], bits: float) -> float:
    """D(R) of a Gaussian vector by reverse water-filling (Cover and Thomas 2006, theorem 10.3.3).

    Components with a variance above the water level get log2(variance / level) / 2 bits each, the others none.

    Args:
        variances: of independent components: the eigenvalues of the covariance.
        bits: R for the whole vector, 0 or more.

    Returns:
        The mean squared error per component.
    """
    falling = np.sort(np.asarray(variances, np.float64))[::-1]
    positive = falling[falling > 0]
    for active in range(len(positive), 0, -1):
        level = 2.0 ** ((np.log2(positive[:active]).sum() - 2 * bits) / active)
        if level <= positive[active - 1]:
            return float((active * level + positive[active:].sum()) / len(falling))
    return 0.0  # a constant needs no bits


def laplacian_shannon_bound(bits: float) -> float:
    """Shannon's lower bound on D(R) of the Laplacian of unit variance, 2^(2h - 2R) / (2 pi e) with h = log2(e sqrt(2)):
    e / pi 2^(-2R) at R = `bits` per sample."""
    return math.e / math.pi * 4.0**-bits


@lru_cache(maxsize=1024)
def laplacian_distortion(bits: float) -> float:
    """D(R) of the Laplacian of unit variance at R = `bits` per sample, to 0.01 dB and never above it."""
    if bits <= 0:
        return 1.0
    shannon = laplacian_shannon_bound(bits)
    if bits >= TIGHT_BITS:
        return shannon
    return max(shannon, symmetric_distortion(lambda size: np.exp(-math.sqrt(2) * size), bits, shannon, reach=18.0))


def symmetric_distortion(density: Density, bits: float, guess: float, reach: float) -> float:
    """D(R) of a symmetric density at R = `bits` per sample, from below.

    For every slope s, D(R) is at least (min(I + s D) - R) / s, and equal to it for the right one, which is searched
    for: near 1 / (2 D) with R in nats.

    Args:
        density: of the source.
        bits: R, above 0.
        guess: of D(R): the truth, or less by up to 2 dB.
        reach: where the density may be cut off.
    """
    spacing = 0.35 * math.sqrt(guess)
    rate = bits * math.log(2)

    def tangent(log_slope: float) -> float:
        return (least_lagrangian(density, math.exp(log_slope), spacing, reach).low - rate) / math.exp(log_slope)

    steepest = -math.log(2 * guess)
    bounds = (steepest - 1.2, steepest + 0.3)
    found = minimize_scalar(lambda x: -tangent(x), bounds=bounds, method="bounded", options={"xatol": 0.01})
    return float(-found.fun)


class Bounds(NamedTuple):
    """Two numbers that enclose another."""

    low: float
    high: float


def least_lagrangian(density: Density, slope: float, spacing: float, reach: float, tolerance: float = 1e-4) -> Bounds:
    """The least I + slope D over all test channels, in nats, by Blahut's algorithm with his bounds on what is left to
    gain (Blahut 1972, "Computation of channel capacity and rate-distortion functions").

    Reproductions lie on a grid; one at y stands for y and -y, each half of the time, so that absolute values are
    enough. Sources are at Gauss–Legendre points. Steps are prolonged as long as that helps.

    Args:
        density: of the source.
        slope: -dR/dD, above 0.
        spacing: of the grid; well below the distortion's square root.
        reach: where grid and density end.
        tolerance: on the difference of the bounds.
    """
    edges = np.arange(0, reach, 2 * spacing)
    points, weights = np.polynomial.legendre.leggauss(4)
    source = (edges[:, None] + spacing * (1 + points)).ravel()
    p = np.tile(weights, len(edges)) * density(source)
    p /= p.sum()
    grid = np.arange(0, source[-1] + spacing, spacing)
    kernel = sum(np.exp(-slope * (source[:, None] - sign * grid) ** 2) for sign in (1, -1)) / 2

    q = np.full(len(grid), 1 / len(grid))
    partition = kernel @ q
    value, prolonged = -p @ np.log(partition), 1.0
    for _ in range(ITERATIONS):
        growth = kernel.T @ (p / partition)
        gain = math.log(growth.max())
        if gain < tolerance:
            break
        while True:
            tried = np.maximum(q * growth**prolonged, LEAST_SHARE)
            tried /= tried.sum()
            partition = kernel @ tried
            if prolonged == 1 or -p @ np.log(partition) <= value:
                break
            prolonged = max(1.0, prolonged / 2)
        q, value = tried, -p @ np.log(partition)
        prolonged *= 1.1
    return Bounds(float(value - gain), float(value))
