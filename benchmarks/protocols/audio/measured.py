"""What the audio protocol measures; `audio.md` says what each number means."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int16

from benchmarks.protocols.signals import OF_RATES
from benchmarks.records.samples import save_samples
from storage.paths import StrPath

PROTOCOL = "audio/1"

SAMPLES, SAMPLE_SECONDS = 4, 2.5
"""Test sounds that are kept to listen to, and how much of each."""

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
        sample_rate: In Hz.
        samples: The beginnings of the test set's first sounds and of their reconstructions, 16 bit, short ones followed
            by silence.
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
    sample_rate: int
    samples: tuple[Int16[np.ndarray, "n c samples"], Int16[np.ndarray, "n c samples"]]
    usage: tuple[float, ...] = ()
    perplexity: tuple[float, ...] = ()

    @property
    def notes(self) -> dict[str, str]:
        """Metric -> how many sounds have no number, and why."""
        return {
            name: f"{len(sounds)} of {self.sounds} sounds have no number: "
            + "; ".join(why if count == 1 else f"{why} ({count})" for why, count in Counter(sounds.values()).items())
            for name, sounds in self.unmeasured.items()
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """What is stored beside a record of it, by name."""
        return {
            **{f"sound/{name}": values for name, values in self.per_sound.items()},
            **{f"resampled/{name}": values for name, values in self.resampled.items()},
            **({"codebooks/usage": np.array(self.usage)} if self.usage else {}),
            **({"codebooks/perplexity": np.array(self.perplexity)} if self.perplexity else {}),
            "samples/original": self.samples[0],
            "samples/reconstruction": self.samples[1],
            "samples/rate": np.array(self.sample_rate),
        }

    def save_samples(self, path: StrPath, name: str) -> None:
        """The picture beside the record at `path`: waveforms and spectrograms, originals over what a tokenizer or
        codec, so named, made of them."""
        originals, reconstructions = self.samples
        save_samples(Path(path).with_suffix(".png"), {"original": originals, name: reconstructions})
