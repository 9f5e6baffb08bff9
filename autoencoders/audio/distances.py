"""Distances between two sounds: of their waveforms, and of their spectrograms at several scales.

Those of the Descript Audio Codec (Kumar et al. 2023, arXiv:2306.06546, section 3.4, and the settings of the authors'
code), which trains by one setting and is measured by another. At each scale: the mean absolute difference of
log10(max(magnitude, floor)^power), plus the mean absolute difference of the magnitudes, each times its weight; scales
are summed. Windows are periodic Hann, a quarter apart, centred, the ends reflected.

All return a distance for each item of the batch: a loss is their mean, which is the mean over everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import MinLen
from jaxtyping import Float
from torch import Tensor

from autoencoders.audio.spectrogram import mel_spectrogram, spectrogram
from autoencoders.ranges import Size, Weight, check_ranges


@dataclass(frozen=True)
class SpectralSettings:
    """What a distance of spectrograms looks at. The defaults are what the Descript Audio Codec is measured by."""

    windows: Annotated[tuple[Size, ...], MinLen(1)] = (2048, 512)
    """Samples of the window at each scale; frames are a quarter of it apart."""
    power: Weight = 2.0
    """Of the magnitudes, inside the logarithm."""
    floor: Weight = 1e-5
    """Of the magnitudes, inside the logarithm; what is less is as little."""
    log_weight: Weight = 1.0
    """Of the difference of the logarithms."""
    magnitude_weight: Weight = 1.0
    """Of the difference of the magnitudes themselves."""

    def __post_init__(self) -> None:
        check_ranges(self)
        if min(self.windows) < 4:
            raise ValueError(f"windows must be of at least 4 samples, got {self.windows}.")


@dataclass(frozen=True)
class MelSettings(SpectralSettings):
    """The same of mel spectrograms. The defaults are what the Descript Audio Codec is measured by."""

    bands: Annotated[tuple[Size, ...], MinLen(1)] = (150, 80)
    """Of each scale; from 0 Hz to half the sample rate, by Slaney's scale, each of equal area."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.bands) != len(self.windows):
            raise ValueError(f"bands must be as many as the {len(self.windows)} windows, got {len(self.bands)}.")


MEASURED_STFT = SpectralSettings()
MEASURED_MEL = MelSettings()
TRAINED_MEL = MelSettings(
    windows=(32, 64, 128, 256, 512, 1024, 2048),
    power=1.0,
    magnitude_weight=0.0,
    bands=(5, 10, 20, 40, 80, 160, 320),
)
"""What the published models of the Descript Audio Codec are trained by, at a weight of 15."""


def waveform_distance(estimate: Float[Tensor, "b c T"], reference: Float[Tensor, "b c T"]) -> Float[Tensor, " b"]:
    """The mean absolute difference of the samples."""
    return _mean_difference(estimate, reference)


def stft_distance(
    estimate: Float[Tensor, "b c T"], reference: Float[Tensor, "b c T"], settings: SpectralSettings = MEASURED_STFT
) -> Float[Tensor, " b"]:
    """The distance of spectrograms at several scales, for each sound.

    Raises:
        ValueError: sounds shorter than half the longest window and a sample.
    """
    distance = estimate.new_zeros(len(estimate), dtype=torch.promote_types(estimate.dtype, torch.float32))
    for window in settings.windows:
        spectrograms = [spectrogram(signal, window, window // 4) for signal in (estimate, reference)]
        distance = distance + _spectral_difference(spectrograms[0], spectrograms[1], settings)
    return distance


def mel_distance(
    estimate: Float[Tensor, "b c T"],
    reference: Float[Tensor, "b c T"],
    sample_rate: int,
    settings: MelSettings = MEASURED_MEL,
) -> Float[Tensor, " b"]:
    """The distance of mel spectrograms at several scales, for each sound.

    Args:
        sample_rate: Of both, in Hz.

    Raises:
        ValueError: sounds shorter than half the longest window and a sample.
    """
    distance = estimate.new_zeros(len(estimate), dtype=torch.promote_types(estimate.dtype, torch.float32))
    for window, bands in zip(settings.windows, settings.bands, strict=True):
        mels = [mel_spectrogram(signal, sample_rate, window, window // 4, bands) for signal in (estimate, reference)]
        distance = distance + _spectral_difference(mels[0], mels[1], settings)
    return distance


def _spectral_difference(estimate: Tensor, reference: Tensor, settings: SpectralSettings) -> Float[Tensor, " b"]:
    logarithms = [settings.power * of.clamp_min(settings.floor).log10() for of in (estimate, reference)]
    distance = settings.log_weight * _mean_difference(logarithms[0], logarithms[1])
    return distance + settings.magnitude_weight * _mean_difference(estimate, reference)


def _mean_difference(estimate: Tensor, reference: Tensor) -> Float[Tensor, " b"]:
    if estimate.shape != reference.shape:
        raise ValueError(f"the sounds must have one shape, got {tuple(estimate.shape)} and {tuple(reference.shape)}.")
    return (estimate - reference).abs().flatten(1).mean(1)
