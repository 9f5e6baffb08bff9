"""What the audio protocol measures; `audio.md` says what each number means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.protocols.signals import OF_RATES

PROTOCOL = "audio/1"

OF_SOUNDS = ("si_sdr", "stoi", "pesq", "visqol", "mel_distance", "stft_distance")
"""Metrics of single sounds."""

METRICS = (*OF_SOUNDS, *OF_RATES)
"""In the order in which they are stored."""


@dataclass(frozen=True)
class SoundEvaluation:
    """What the protocol measures of a tokenizer or a codec on a test set.

    Attributes:
        sounds: How many.
        seconds: Of all of them together.
        metrics: Of the whole set.
        missing: Metric -> why it is None, and how to get it.
        unmeasured: Metric -> sounds, by place, that have no number, and why.
        per_sound: Metric -> float64 (sounds,), in the order of the test set; not a number where there is none.
        resampled: Metric that is no mean over sounds -> its values on the fixed resamples of the test set.
        usage: Of each codebook, the share of its codes that occur; none without codes.
        perplexity: Of each codebook, 2^entropy.
    """

    sounds: int
    seconds: float
    metrics: dict[str, float | None]
    missing: dict[str, str]
    unmeasured: dict[str, dict[int, str]]
    per_sound: dict[str, np.ndarray]
    resampled: dict[str, np.ndarray]
    usage: tuple[float, ...] = ()
    perplexity: tuple[float, ...] = ()

    def arrays(self) -> dict[str, np.ndarray]:
        """What is stored beside a record of it, by name."""
        return {
            **{f"sound/{name}": values for name, values in self.per_sound.items()},
            **{f"resampled/{name}": values for name, values in self.resampled.items()},
        }
