"""Short-time objective intelligibility of speech (Taal et al. 2011)."""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Float

from benchmarks.metrics.unmeasured import Unmeasured

LOWEST_STOI = 0.0
"""Of a silent estimate, which correlates with nothing."""


def stoi(estimate: Float[np.ndarray, " n"], reference: Float[np.ndarray, " n"], sample_rate: int) -> float:
    """Mean correlation of short-time envelopes in third octaves, at most 1, by pystoi: not the extended variant.

    It resamples to 10 kHz, and leaves out frames 40 dB below the loudest of the reference.

    Args:
        sample_rate: in Hz.

    Raises:
        Unmeasured: the reference is silent, or has less than 30 frames (0.4 s) that are not.
    """
    if not np.any(reference):
        raise Unmeasured("the reference is silent")
    if not np.any(estimate):
        return LOWEST_STOI
    from pystoi import stoi as of_package

    with warnings.catch_warnings():
        # It warns, and returns 1e-5.
        warnings.filterwarnings("error", "Not enough STFT frames", RuntimeWarning)
        try:
            return float(of_package(reference.astype(np.float64), estimate.astype(np.float64), sample_rate))
        except RuntimeWarning as warning:
            raise Unmeasured("less than 0.4 s of the reference are not silent") from warning
