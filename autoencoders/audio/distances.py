"""Distances between two sounds: of their waveforms, and of their spectrograms at several scales.

Those of the Descript Audio Codec (Kumar et al. 2023, arXiv:2306.06546, section 3.4, and the settings of the authors'
code), which trains by one setting and is measured by another. At each scale: the mean absolute difference of
log10(max(magnitude, floor)^power), plus the mean absolute difference of the magnitudes, each times its weight; scales
are summed. Windows are periodic Hann, a quarter apart, centred, the ends reflected.

All return a distance for each item of the batch: a loss is their mean, which is the mean over everything.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from autoencoders.audio.loss_config import MEASURED_MEL, MEASURED_STFT, MelSettings, SpectralSettings
from autoencoders.audio.spectrogram import mel_spectrogram, spectrogram


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
