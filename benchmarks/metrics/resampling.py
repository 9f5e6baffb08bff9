"""Bootstrap resamples of a test set, the same for every run on it.

A metric that is no mean over pictures (rFID, SWD, usage, perplexity) cannot be resampled from stored numbers. So the
evaluation computes it on fixed resamples and stores what came out, one number each. Two runs on one test set have the
same resamples: their differences are paired picture by picture.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

RESAMPLES = 100
"""Enough for a standard error to 7 %."""

SEED = 1979  # of Efron's paper


def draws(pictures: int, resamples: int = RESAMPLES) -> Int[np.ndarray, "r n"]:
    """How often each of n pictures stands in each resample of n, drawn with replacement; a row sums to n.

    With fewer `resamples` the first ones of the same.
    """
    generator = np.random.default_rng((SEED, pictures))
    return np.stack(
        [np.bincount(generator.integers(pictures, size=pictures), minlength=pictures) for _ in range(resamples)]
    )
