"""Perceptual evaluation of speech quality, wide band (ITU-T P.862.2)."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from benchmarks.metrics.unmeasured import Unmeasured

PESQ_RATE = 16_000
"""Hz; of wide band."""

MIN_SAMPLES = PESQ_RATE // 4

LOWEST_PESQ = 0.999 + 4 / (1 + math.exp(1.3669 * 0.5 + 3.8224))
"""The scale's lower end, 1.04: P.862.2's map of the least raw score, −0.5. Of a silent estimate."""


def pesq(estimate: Float[np.ndarray, " n"], reference: Float[np.ndarray, " n"]) -> float:
    """Mean opinion score (MOS-LQO) of speech at 16 kHz, from 1.04 to 4.64, by the package pesq.

    Both are scaled by one factor to a common peak of 1 before.

    Raises:
        Unmeasured: a reference that is silent, has no utterance, or is shorter than ¼ s.
    """
    from pesq import NoUtterancesError, pesq as of_package

    if not np.any(reference):
        raise Unmeasured("the reference is silent")
    if len(reference) < MIN_SAMPLES:
        raise Unmeasured("shorter than ¼ s")
    if not np.any(estimate):
        return LOWEST_PESQ
    try:
        return float(of_package(PESQ_RATE, reference, estimate, "wb"))
    except NoUtterancesError as error:
        raise Unmeasured("no utterance found in the reference") from error
