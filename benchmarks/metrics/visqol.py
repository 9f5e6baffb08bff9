"""ViSQOL v3 (Chinen et al. 2020), by the package visqol-python."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks.metrics.unmeasured import Unmeasured

SPEECH_RATE, AUDIO_RATE = 16_000, 48_000
"""Hz, of its two modes."""

LOWEST_VISQOL = 1.0

MISSING = (
    "ViSQOL's lattice of its speech mode needs ai-edge-litert: without it visqol-python maps by a polynomial, which "
    "gives other numbers; install the extra visqol"
)


def has_visqol() -> bool:
    """Whether the package is there with all that the speech mode needs; else `MISSING` says how to get it."""
    return find_spec("visqol") is not None and find_spec("ai_edge_litert") is not None


def visqol(estimate: Float[np.ndarray, " n"], reference: Float[np.ndarray, " n"], sample_rate: int) -> float:
    """Mean opinion score (MOS-LQO), 1 to 5: at 16 kHz of speech, by the lattice network, at 48 kHz of any sound, by the
    support vector regression; both come with the package.

    Args:
        sample_rate: 16,000 or 48,000 Hz, which chooses the mode.

    Raises:
        Unmeasured: a reference that is silent or too short.
    """
    if not np.any(reference):
        raise Unmeasured("the reference is silent")
    if not np.any(estimate):
        return LOWEST_VISQOL
    api = _api({SPEECH_RATE: "speech", AUDIO_RATE: "audio"}[sample_rate])
    try:
        found = api.measure_from_arrays(reference.astype(np.float64), estimate.astype(np.float64), sample_rate)
    except (IndexError, ValueError) as error:  # what it raises where no patch of the reference can be compared
        raise Unmeasured("too short, or too little of the reference is not silent") from error
    return float(found.moslqo)


@lru_cache(maxsize=2)
def _api(mode: str) -> Any:
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode=mode)
    return api
