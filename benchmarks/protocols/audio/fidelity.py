"""How far a sound is from what it was: every metric of one sound."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from autoencoders.audio.distances import mel_distance, stft_distance
from autoencoders.audio.loss_config import MEASURED_STFT
from benchmarks.data.sounds.reading import resample
from benchmarks.metrics.pesq import PESQ_RATE, pesq
from benchmarks.metrics.si_sdr import si_sdr
from benchmarks.metrics.stoi import stoi
from benchmarks.metrics.unmeasured import Unmeasured
from benchmarks.metrics.visqol import AUDIO_RATE, MISSING, SPEECH_RATE, has_visqol, visqol
from benchmarks.protocols.signals import Coded, Fidelity

SoundMetric = Callable[[np.ndarray, np.ndarray], float]
"""Of reconstruction and original, (channels, samples)."""


class SoundFidelity:
    """The metrics of single sounds at one sample rate.

    Args:
        sample_rate: in Hz.

    Attributes:
        missing: metric -> why no sound has it.
    """

    def __init__(self, sample_rate: int) -> None:
        self.missing: dict[str, str] = {}
        self.metrics: dict[str, SoundMetric] = {
            "si_sdr": si_sdr,
            "stoi": partial(_of_mono, partial(stoi, sample_rate=sample_rate), sample_rate, sample_rate),
            "pesq": partial(_of_mono, pesq, sample_rate, PESQ_RATE),
            "mel_distance": partial(_distance, partial(mel_distance, sample_rate=sample_rate)),
            "stft_distance": partial(_distance, stft_distance),
        }
        if has_visqol():
            rate = SPEECH_RATE if sample_rate <= SPEECH_RATE else AUDIO_RATE
            self.metrics["visqol"] = partial(_of_mono, partial(visqol, sample_rate=rate), sample_rate, rate)
        else:
            self.missing["visqol"] = MISSING

    def __call__(self, sound: Coded) -> Fidelity:
        """The numbers of a sound."""
        numbers, unmeasured = {}, {}
        for name, metric in self.metrics.items():
            try:
                numbers[name] = metric(sound.reconstruction.numpy(), sound.original.numpy())
            except Unmeasured as why:
                numbers[name], unmeasured[name] = np.nan, str(why)
        return Fidelity(numbers, unmeasured)


def _of_mono(metric: SoundMetric, old_rate: int, new_rate: int, estimate: np.ndarray, reference: np.ndarray) -> float:
    """A metric of the mean of the channels, at another rate."""
    mono = (resample(samples.mean(0, keepdims=True), old_rate, new_rate)[0] for samples in (estimate, reference))
    return metric(*mono)


def _distance(distance: Callable[[Tensor, Tensor], Tensor], estimate: np.ndarray, reference: np.ndarray) -> float:
    """A distance of spectrograms."""
    if reference.shape[1] <= (least := max(MEASURED_STFT.windows) // 2):
        raise Unmeasured(f"no longer than {least} samples, half a window")
    return float(distance(*(torch.from_numpy(samples).double()[None] for samples in (estimate, reference))))
