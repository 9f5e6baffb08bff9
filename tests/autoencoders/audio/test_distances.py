from dataclasses import replace

import numpy as np
import pytest
import torch
from small_sounds import tones

from autoencoders.audio.distances import mel_distance, stft_distance, waveform_distance
from autoencoders.audio.loss_config import MEASURED_MEL, MEASURED_STFT, AudioLossConfig, MelSettings
from autoencoders.audio.spectrogram import mel_bank

TRAINED_MEL = AudioLossConfig(mel_magnitude_weight=0.0).mel
"""What the published models of the Descript Audio Codec are trained by."""


def sounds(samples: int = 4000, channels: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    reference = tones(3, samples, channels).double()
    noise = torch.randn(reference.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return reference + 0.02 * noise, reference


def by_hand(
    estimate: np.ndarray,
    reference: np.ndarray,
    windows: list[int],
    power: float,
    weights: tuple[float, float],
    banks: list,
) -> float:
    """Of one sound of one channel, by NumPy's transform."""
    total = 0.0
    for window, bank in zip(windows, banks, strict=True):
        spectra = []
        for signal in (estimate, reference):
            padded = np.pad(signal, window // 2, mode="reflect")
            shape = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
            frames = [padded[at : at + window] * shape for at in range(0, len(padded) - window + 1, window // 4)]
            spectra.append(bank @ np.abs(np.fft.rfft(frames)).T)
        logs = [np.log10(np.maximum(of, 1e-5) ** power) for of in spectra]
        total += weights[0] * np.abs(logs[0] - logs[1]).mean() + weights[1] * np.abs(spectra[0] - spectra[1]).mean()
    return total


def test_the_stft_distance_is_its_definition() -> None:
    estimate, reference = sounds()
    found = stft_distance(estimate, reference)
    for item in range(3):
        channels = [
            by_hand(
                estimate[item, c].numpy(),
                reference[item, c].numpy(),
                [2048, 512],
                2,
                (1, 1),
                [np.eye(1025), np.eye(257)],
            )
            for c in range(2)
        ]
        assert found[item].item() == pytest.approx(np.mean(channels), rel=1e-9)


@pytest.mark.parametrize("settings", [MEASURED_MEL, TRAINED_MEL])
def test_the_mel_distance_is_its_definition(settings: MelSettings) -> None:
    estimate, reference = sounds(channels=1)
    found = mel_distance(estimate, reference, 16_000, settings)
    pairs = zip(settings.windows, settings.bands, strict=True)
    banks = [mel_bank(16_000, window, bands, torch.float64).numpy() for window, bands in pairs]
    weights = (settings.log_weight, settings.magnitude_weight)
    expected = by_hand(
        estimate[1, 0].numpy(), reference[1, 0].numpy(), list(settings.windows), settings.power, weights, banks
    )
    assert found[1].item() == pytest.approx(expected, rel=1e-9)


def test_settings_of_the_reference() -> None:
    """Of descript-audio-codec: the defaults of its losses, by which evaluate.py measures, and conf/final/44khz.yml."""
    assert (MEASURED_STFT.windows, MEASURED_STFT.power, MEASURED_STFT.floor) == ((2048, 512), 2.0, 1e-5)
    assert (MEASURED_STFT.log_weight, MEASURED_STFT.magnitude_weight) == (1.0, 1.0)
    assert (MEASURED_MEL.bands, MEASURED_MEL.windows, MEASURED_MEL.power) == ((150, 80), (2048, 512), 2.0)
    assert TRAINED_MEL.windows == tuple(2**level for level in range(5, 12))
    assert TRAINED_MEL.bands == tuple(5 * 2**level for level in range(7))
    assert (TRAINED_MEL.power, TRAINED_MEL.floor, TRAINED_MEL.magnitude_weight) == (1.0, 1e-5, 0.0)


def test_the_waveform_distance() -> None:
    estimate = torch.tensor([[[1.0, 0, 0, 2]], [[0, 0, 0, 0]]])
    assert waveform_distance(estimate, torch.zeros(2, 1, 4)).tolist() == [0.75, 0]


@pytest.mark.parametrize("distance", [stft_distance, lambda a, b: mel_distance(a, b, 16_000)])
def test_of_equal_sounds_it_is_zero_and_of_worse_ones_more(distance) -> None:
    estimate, reference = sounds()
    assert not distance(reference, reference).any()
    nearer = reference + 0.1 * (estimate - reference)
    assert (distance(nearer, reference) < distance(estimate, reference)).all()
    assert distance(torch.zeros_like(reference), torch.zeros_like(reference)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("distance", [stft_distance, lambda a, b: mel_distance(a, b, 16_000, TRAINED_MEL)])
def test_gradients_are_finite_of_silence_too(distance) -> None:
    for estimate in (sounds()[0], torch.zeros(3, 2, 4000)):
        estimate = estimate.float().requires_grad_()
        distance(estimate, sounds()[1].float()).mean().backward()
        assert estimate.grad.isfinite().all()
    estimate = sounds()[0].float().requires_grad_()
    distance(estimate, sounds()[1].float()).mean().backward()
    assert estimate.grad.any()


def test_settings_and_sounds_that_cannot_be_compared_are_bad() -> None:
    for changes, message in [
        ({"windows": ()}, "windows must be one or more"),
        ({"windows": (2, 512)}, "windows must be of at least 4 samples"),
        ({"bands": (80,)}, "bands must be as many as the 2 windows, got 1"),
        ({"floor": -1.0}, "floor must be a finite number >= 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            replace(MEASURED_MEL, **changes)
    with pytest.raises(ValueError, match="one shape"):
        waveform_distance(torch.zeros(1, 1, 4), torch.zeros(1, 1, 5))
    with pytest.raises(ValueError, match="at least 1025, got 1000"):
        stft_distance(torch.zeros(1, 1, 1000), torch.zeros(1, 1, 1000))
