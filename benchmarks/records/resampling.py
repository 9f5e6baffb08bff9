"""Bootstrap resamples of a test set, the same for every run on it.

A metric that is no mean over pictures (rFID, SWD, usage, perplexity) cannot be resampled from stored numbers. So the
evaluation computes it on fixed resamples and stores what came out, one number each. Two runs on one test set have the
same resamples: their differences are paired picture by picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from jaxtyping import Int

RESAMPLES = 100
"""Enough for a standard error to 7 %."""

SEED = 1979  # of Efron's paper

RESAMPLED = ("image", "sound", "clip", "resampled")
"""Kinds of stored arrays that metrics on the resamples come from."""


@lru_cache(maxsize=4)
def draws(pictures: int, resamples: int = RESAMPLES) -> Int[np.ndarray, "r n"]:
    """How often each of n pictures stands in each resample of n, drawn with replacement; a row sums to n.

    With fewer `resamples` the first ones of the same.
    """
    generator = np.random.default_rng((SEED, pictures))
    counts = np.empty((resamples, pictures), np.int16)
    for row in counts:
        row[:] = np.bincount(generator.integers(pictures, size=pictures), minlength=pictures)
    return counts


def resampled_metrics(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every metric of a stored run on the resamples; none of a run whose arrays are not there.

    Means over pictures, sounds or clips come from the values of each, `image/NAME`, `sound/NAME` and `clip/NAME`, the
    others are stored as `resampled/NAME`. A sound that a metric has no number of (its reference is silent, say) has no
    part in that mean.
    Not a number where there is but one: its resamples are all alike and tell nothing of others.
    """
    if any(name.startswith(("image/", "sound/", "clip/")) and len(values) == 1 for name, values in arrays.items()):
        arrays = {name: np.full(len(values), np.nan) for name, values in arrays.items()}
    found = {}
    for name, values in arrays.items():
        kind, _, metric = name.partition("/")
        if kind == "image":
            found[metric] = draws(len(values)) @ values / len(values)
        elif kind in ("sound", "clip"):
            measured = ~np.isnan(values)
            drawn = draws(len(values))[:, measured]
            with np.errstate(invalid="ignore"):  # a resample may hold none
                found[metric] = drawn @ values[measured] / drawn.sum(1)
        elif kind == "resampled":
            found[metric] = values
    return found
