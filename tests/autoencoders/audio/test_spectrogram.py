import math

import numpy as np
import pytest
import torch

from autoencoders.audio.spectrogram import complex_spectrogram, mel_bank, mel_spectrogram, spectrogram


def slaney_bank(sample_rate: int, window: int, bands: int) -> np.ndarray:
    """The bank written out one weight at a time, in float64."""

    def mel(hertz: float) -> float:
        return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000) / math.log(6.4)

    def hertz(mel: float) -> float:
        return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)

    corners = [hertz(mel(sample_rate / 2) * index / (bands + 1)) for index in range(bands + 2)]
    bank = np.zeros((bands, window // 2 + 1))
    for band in range(bands):
        low, centre, high = corners[band : band + 3]
        for index in range(window // 2 + 1):
            frequency = index * sample_rate / window
            if low < frequency <= centre:
                bank[band, index] = (frequency - low) / (centre - low)
            elif centre < frequency < high:
                bank[band, index] = (high - frequency) / (high - centre)
        bank[band] *= 2 / (high - low)
    return bank


@pytest.mark.parametrize(("rate", "window", "bands"), [(16_000, 512, 80), (44_100, 2048, 150), (24_000, 32, 5)])
def test_the_bank_is_slaneys(rate: int, window: int, bands: int) -> None:
    bank = mel_bank(rate, window, bands, torch.float64)
    assert bank.dtype == torch.float64
    np.testing.assert_allclose(bank.numpy(), slaney_bank(rate, window, bands), rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize(("rate", "window", "bands"), [(16_000, 512, 80), (44_100, 2048, 320), (48_000, 64, 10)])
def test_the_bank_is_that_of_transformers(rate: int, window: int, bands: int) -> None:
    audio = pytest.importorskip("transformers.audio_utils")
    theirs = audio.mel_filter_bank(window // 2 + 1, bands, 0.0, rate / 2, rate, norm="slaney", mel_scale="slaney")
    np.testing.assert_allclose(mel_bank(rate, window, bands, torch.float64).numpy(), theirs.T, rtol=1e-9, atol=1e-15)


def test_bands_have_equal_areas() -> None:
    bank = mel_bank(16_000, 16_384, 20, torch.float64)
    np.testing.assert_allclose(bank.sum(1).numpy() * 16_000 / 16_384, 1, rtol=1e-3)


def test_the_bank_may_be_made_in_inference_mode_and_used_in_training() -> None:
    mel_bank.cache_clear()
    with torch.inference_mode():
        mel_spectrogram(torch.randn(1, 1, 100), 16_000, 64, 16, 5)
    signal = torch.randn(1, 1, 100, requires_grad=True)
    mel_spectrogram(signal, 16_000, 64, 16, 5).sum().backward()
    assert signal.grad.any()


def by_hand(signal: np.ndarray, window: int, hop: int, centred: bool) -> np.ndarray:
    """The transform as its sum, in float64."""
    if centred:
        signal = np.pad(signal, window // 2, mode="reflect")
    shape = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    starts = range(0, len(signal) - window + 1, hop)
    basis = np.exp(-2j * np.pi * np.outer(np.arange(window // 2 + 1), np.arange(window)) / window)
    return np.stack([basis @ (shape * signal[start : start + window]) for start in starts], 1)


@pytest.mark.parametrize("centred", [True, False])
def test_the_transform_is_its_sum(centred: bool) -> None:
    signal = torch.randn(2, 3, 77, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = complex_spectrogram(signal, 16, 4, centred=centred)
    assert found.shape == (2, 3, 9, 20 if centred else 16)
    np.testing.assert_allclose(found[1, 2].numpy(), by_hand(signal[1, 2].numpy(), 16, 4, centred), atol=1e-12)


def test_a_tone_stands_in_its_band() -> None:
    tone = torch.sin(2 * torch.pi * 1000 * torch.arange(8000) / 16_000)[None, None]
    mels = mel_spectrogram(tone, 16_000, 512, 128, 40)
    bank = mel_bank(16_000, 512, 40)
    assert (mels[0, 0, :, 20:40].argmax(0) == bank[:, 32].argmax()).all()  # 1 kHz is frequency 32 of 256
    assert spectrogram(tone, 512, 128)[0, 0, 32, 30] == pytest.approx(128, rel=1e-3)  # half the window's sum


def test_half_precision_is_computed_in_single() -> None:
    signal = torch.randn(1, 1, 600)
    with torch.autocast("cpu", torch.bfloat16):
        found = mel_spectrogram(signal.bfloat16(), 16_000, 64, 16, 5)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, mel_spectrogram(signal.bfloat16().float(), 16_000, 64, 16, 5))


@pytest.mark.parametrize(("centred", "least"), [(True, 33), (False, 64)])
def test_sounds_shorter_than_the_window_are_bad(centred: bool, least: int) -> None:
    assert complex_spectrogram(torch.zeros(1, 1, least), 64, 16, centred=centred).shape[2] == 33
    with pytest.raises(ValueError, match=f"64 samples needs sounds of at least {least}, got {least - 1}"):
        complex_spectrogram(torch.zeros(1, 1, least - 1), 64, 16, centred=centred)
