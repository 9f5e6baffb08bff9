"""One sample per block: there the best quantizers of each kind are known, and training must reach them."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm

from benchmarks.protocols.source_coding.codec import AffineCodec, measure, train
from benchmarks.protocols.source_coding.lloyd_max import GAUSSIAN, lloyd_max
from benchmarks.protocols.source_coding.settings import Training
from benchmarks.protocols.source_coding.vectors import open_source
from quantizers import Quantizer, create_quantizer

UNIFORM = {4: 0.1188, 8: 0.03744, 16: 0.01154}
"""Max 1960, table II: the best equally spaced quantizers of the unit Gaussian."""


def _distortion(quantizer: Quantizer, training: Training) -> float:
    torch.manual_seed(0)
    codec = AffineCodec(1, quantizer)
    source = open_source("gaussian", 1)
    train(codec, source, training, torch.Generator().manual_seed(1))
    return measure(codec, source)["distortion"]


@pytest.mark.slow
@pytest.mark.parametrize("levels", [4, 16])
def test_vq_ema_reaches_lloyd_max(levels: int) -> None:
    # Averages over 10 steps instead of the paper's 100, so that some seconds are enough Lloyd iterations. The outermost
    # of 16 levels has an eighth of the mean usage: a threshold above that would replace it again and again.
    torch.manual_seed(0)
    quantizer = create_quantizer("vq-ema", dim=1, codebook_size=levels, decay=0.9, dead_threshold=0.05)
    best = lloyd_max(GAUSSIAN, levels)
    distortion = _distortion(quantizer, Training(vectors=1_024_000, batch_size=1024))
    assert 0.99 * best < distortion < 1.02 * best


def _fsq(levels: int, scale: float) -> tuple[float, float]:
    """Distortion of FSQ on the unit Gaussian with encoder `scale` x, the best decoder, and the gradient of `scale` that
    straight-through training expects there. Written from the paper: bound by tanh, round, an affine decoder."""
    x = np.linspace(-8, 8, 200_001)
    p = norm.pdf(x) * (x[1] - x[0])
    half_range = (levels - 1) * (1 + 1e-3) / 2
    bounded = half_range * np.tanh(scale * x)
    step = np.round(bounded - 0.5) + 0.5  # an even number of levels, symmetric about 0
    slope = (p * x * step).sum() / (p * step**2).sum()
    error = slope * step - x
    gradient = (p * 2 * error * slope * half_range * (1 - np.tanh(scale * x) ** 2) * x).sum()
    return float((p * error**2).sum()), float(gradient)


def _uniform(levels: int) -> float:
    thresholds = np.arange(1, levels) - levels / 2
    values = np.arange(levels) - (levels - 1) / 2

    def mse(step: float) -> float:
        edges = np.concatenate([[-np.inf], thresholds * step, [np.inf]])
        shares, means = np.diff(norm.cdf(edges)), -np.diff(norm.pdf(edges))
        return float(1 - 2 * step * means @ values + step**2 * shares @ values**2)

    return float(minimize_scalar(mse, bounds=(0.01, 3), method="bounded", options={"xatol": 1e-9}).fun)


@pytest.mark.parametrize("levels", [4, 8, 16])
def test_the_uniform_quantizer_is_maxs_and_no_fsq_is_better(levels: int) -> None:
    uniform = _uniform(levels)
    assert uniform == pytest.approx(UNIFORM[levels], rel=2e-3)
    best = minimize_scalar(lambda scale: _fsq(levels, scale)[0], bounds=(0.1, 2), method="bounded").fun
    assert best > 0.9999 * uniform
    if levels == 4:  # three symmetric thresholds: tanh can put them where the uniform quantizer has them
        assert best == pytest.approx(uniform, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("levels", [4, 16])
def test_fsq_ends_where_straight_through_training_of_a_tanh_must(levels: int) -> None:
    scale = brentq(lambda value: _fsq(levels, value)[1], 0.05, 2.0)
    expected = _fsq(levels, scale)[0]
    distortion = _distortion(create_quantizer("fsq", levels=(levels,)), Training())
    assert distortion == pytest.approx(expected, rel=0.02)
    assert distortion > 0.99 * _uniform(levels)
    if levels == 4:
        assert distortion == pytest.approx(UNIFORM[4], rel=0.02)
