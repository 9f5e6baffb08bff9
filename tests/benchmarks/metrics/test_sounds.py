"""SI-SDR, STOI, PESQ and ViSQOL against formulas and packages, and where they have no number."""

import math
import warnings

import numpy as np
import pytest
import torch

from benchmarks.data.sounds.synthetic import make_speech
from benchmarks.metrics.pesq import LOWEST_PESQ, pesq
from benchmarks.metrics.si_sdr import SI_SDR_CAP, si_sdr
from benchmarks.metrics.stoi import stoi
from benchmarks.metrics.unmeasured import Unmeasured
from benchmarks.metrics.visqol import has_visqol, visqol

RATE = 16_000


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return make_speech(0, 0)[: 2 * RATE]


def noisy(sound: np.ndarray, decibels: float, seed: int = 0) -> np.ndarray:
    """The sound with white noise at that ratio of their energies."""
    noise = np.random.default_rng(seed).standard_normal(sound.shape)
    noise *= np.linalg.norm(sound) / np.linalg.norm(noise) * 10 ** (-decibels / 20)
    return (sound + noise).astype(np.float32)


@pytest.mark.parametrize("decibels", [-10.0, 0.0, 20.0, 60.0])
@pytest.mark.parametrize("level", [1.0, 1e-5, 1e-20, 1e-40])
def test_si_sdr_is_the_ratio_at_every_level(decibels: float, level: float) -> None:
    random = np.random.default_rng(0)
    reference, noise = random.standard_normal((2, 1, 4000))
    noise -= (noise * reference).sum() / (reference**2).sum() * reference  # orthogonal
    noise *= np.linalg.norm(reference) / np.linalg.norm(noise) * 10 ** (-decibels / 20)
    assert si_sdr(level * 7 * (reference + noise), level * reference) == pytest.approx(decibels, abs=1e-6)
    assert si_sdr(-(reference + noise), level * reference) == pytest.approx(decibels, abs=1e-6)  # α may be negative


def test_si_sdr_is_torchmetrics_where_that_is_loud(speech: np.ndarray) -> None:
    from torchmetrics.functional.audio import scale_invariant_signal_distortion_ratio as of_package

    estimate = noisy(speech, 12.0)
    expected = of_package(torch.tensor(estimate).double(), torch.tensor(speech).double()).item()
    assert si_sdr(estimate[None], speech[None]) == pytest.approx(expected, abs=1e-3)


def test_si_sdr_of_exact_silent_and_orthogonal_estimates() -> None:
    reference = np.array([[1.0, -1.0, 1.0, -1.0]])
    assert si_sdr(3 * reference, reference) == SI_SDR_CAP
    assert si_sdr(0 * reference, reference) == -SI_SDR_CAP
    assert si_sdr(np.ones((1, 4)), reference) == -SI_SDR_CAP
    with pytest.raises(Unmeasured, match="the reference is silent"):
        si_sdr(reference, 0 * reference)


def test_si_sdr_takes_the_channels_as_one_vector() -> None:
    random = np.random.default_rng(1)
    reference = random.standard_normal((2, 500))
    one_twice = reference * [[1.0], [2.0]]
    assert si_sdr(reference * 2, reference) == SI_SDR_CAP
    assert si_sdr(one_twice, reference) == pytest.approx(si_sdr(one_twice.reshape(1, -1), reference.reshape(1, -1)))
    assert si_sdr(one_twice, reference) < 15
    half_silent = reference * [[1.0], [0.0]]
    assert math.isfinite(si_sdr(reference, half_silent))


def test_stoi_falls_with_noise_and_is_the_packages(speech: np.ndarray) -> None:
    from pystoi import stoi as of_package

    found = [stoi(noisy(speech, decibels), speech, RATE) for decibels in (30, 10, 0)]
    assert found == sorted(found, reverse=True)
    assert found[1] == pytest.approx(of_package(speech, noisy(speech, 10), RATE), abs=1e-6)
    assert stoi(speech, speech, RATE) == pytest.approx(1)


def test_pesq_falls_with_noise_and_is_the_packages(speech: np.ndarray) -> None:
    from pesq import pesq as of_package

    found = [pesq(noisy(speech, decibels), speech) for decibels in (40, 20, 0)]
    assert found == sorted(found, reverse=True)
    assert found[1] == of_package(RATE, speech, noisy(speech, 20), "wb")
    assert pesq(speech, speech) == pytest.approx(4.64, abs=0.01)
    assert pesq(0.1 * noisy(speech, 20), 0.1 * speech) == pytest.approx(found[1], abs=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(not has_visqol(), reason="ViSQOL's speech mode needs ai-edge-litert")
def test_visqol_falls_with_noise(speech: np.ndarray) -> None:
    found = [visqol(noisy(speech, decibels), speech, RATE) for decibels in (40, 10)]
    assert found[0] > found[1]
    assert visqol(speech, speech, RATE) > 4
    assert visqol(np.zeros_like(speech), speech, RATE) == 1
    with pytest.raises(Unmeasured, match="silent"):
        visqol(speech, np.zeros_like(speech), RATE)
    with pytest.raises(Unmeasured, match="too short"):
        visqol(speech[:3000], speech[:3000], RATE)


def test_silence_has_the_lowest_of_each_scale_as_estimate_and_none_as_reference(speech: np.ndarray) -> None:
    silence = np.zeros_like(speech)
    assert stoi(silence, speech, RATE) == 0
    assert pesq(silence, speech) == LOWEST_PESQ == pytest.approx(1.0427, abs=1e-4)
    for metric in (lambda: stoi(speech, silence, RATE), lambda: pesq(speech, silence)):
        with pytest.raises(Unmeasured, match="the reference is silent"):
            metric()


def test_too_short_a_reference_has_no_number_and_no_warning(speech: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(Unmeasured, match=r"less than 0.4 s"):
            stoi(speech[:5000], speech[:5000], RATE)
        with pytest.raises(Unmeasured, match="shorter than ¼ s"):
            pesq(speech[:3999], speech[:3999])
    assert pesq(speech[:8000], speech[:8000]) > 4
