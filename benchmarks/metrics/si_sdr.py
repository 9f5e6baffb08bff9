"""Scale-invariant signal-to-distortion ratio of sounds (Le Roux et al. 2019)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from benchmarks.metrics.unmeasured import Unmeasured

SI_SDR_CAP = 100.0
"""dB, both ways: an exact estimate, whose ratio is infinite, has 100, and one that has nothing of the reference, which
a silent one has not either, −100."""


def si_sdr(estimate: Float[np.ndarray, "c n"], reference: Float[np.ndarray, "c n"]) -> float:
    """10 log₁₀(|αs|² / |αs − ŝ|²) in dB with α = ⟨ŝ, s⟩ / |s|², over all samples of all channels as one vector.

    In float64, without a constant in the denominators (torchmetrics 1.9.0 adds the float32 epsilon to the energies, so
    that quiet sounds read far too low) and without taking the mean away. Both α and the projection are taken of unit
    vectors, so that no energy underflows.

    Raises:
        Unmeasured: the reference is silent: all its samples are 0.
    """
    s, e = (_direction(samples) for samples in (reference, estimate))
    if s is None:
        raise Unmeasured("the reference is silent")
    if e is None:
        return -SI_SDR_CAP
    along = float(e @ s)
    across = float(np.linalg.norm(e - along * s))  # |e| = 1
    if across == 0:
        return SI_SDR_CAP
    if along == 0:
        return -SI_SDR_CAP
    return float(np.clip(20 * np.log10(abs(along) / across), -SI_SDR_CAP, SI_SDR_CAP))


def _direction(samples: Float[np.ndarray, "c n"]) -> Float[np.ndarray, " c*n"] | None:
    """As a vector of length 1; None of silence."""
    flat = samples.astype(np.float64).ravel()
    peak = np.abs(flat).max(initial=0)
    if peak == 0:
        return None
    flat = flat / peak
    unit: np.ndarray = flat / np.linalg.norm(flat)
    return unit
