"""Bounds and best scalar quantizers against closed forms, published figures and each other."""

import math

import numpy as np
import pytest
import torch

from benchmarks.protocols.source_coding.lloyd_max import GAUSSIAN, LAPLACIAN, lloyd_max
from benchmarks.protocols.source_coding.rate_distortion import (
    gaussian_distortion,
    laplacian_distortion,
    laplacian_shannon_bound,
    least_lagrangian,
    symmetric_distortion,
)
from benchmarks.protocols.source_coding.vectors import CORRELATION, SOURCES, open_source, patch_shape
from benchmarks.records.source_coding import SourceName


@pytest.mark.parametrize(("levels", "mse"), [(2, 0.3634), (4, 0.1175), (8, 0.03454), (16, 0.009497), (32, 0.002499)])
def test_lloyd_max_of_the_gaussian_is_maxs_table(levels: int, mse: float) -> None:
    assert lloyd_max(GAUSSIAN, levels) == pytest.approx(mse, rel=3e-3)  # Max 1960, whose last digits are off


def test_lloyd_max_of_the_laplacian_with_two_levels_has_a_closed_form() -> None:
    # the level is E|x| = 1/sqrt(2), so the error 1 - 1/2
    assert lloyd_max(LAPLACIAN, 2) == pytest.approx(0.5, abs=1e-9)


def test_water_filling_spends_all_bits_and_none_below_the_water() -> None:
    variances = np.array([4.0, 1.0, 0.25, 0.01])
    for bits in (0.3, 1.0, 3.0, 9.0):
        # the level found by bisection on the rate, independently of the closed form
        low, high = 1e-9, 4.0
        for _ in range(200):
            level = (low + high) / 2
            rate = np.maximum(0, np.log2(variances / level) / 2).sum()
            low, high = (level, high) if rate > bits else (low, level)
        assert gaussian_distortion(variances, bits) == pytest.approx(np.minimum(variances, level).mean(), rel=1e-9)


def test_gauss_markov_at_a_high_rate_is_the_determinant() -> None:
    bits, length = 12.0, 4
    determinant = (1 - CORRELATION**2) ** (length - 1)
    expected = (determinant * 4.0**-bits) ** (1 / length)
    assert open_source("gauss-markov", length).bound(bits) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("bits", [0.1, 0.5, 2.0])
def test_blahuts_algorithm_finds_the_gaussians_closed_form_and_stays_below(bits: float) -> None:
    found = symmetric_distortion(lambda size: np.exp(-(size**2) / 2), bits, 4.0**-bits, reach=7.0)
    assert -0.01 < 10 * math.log10(found * 4.0**bits) <= 1e-6


@pytest.mark.parametrize("bits", [0.1, 0.5, 1.0])
def test_the_laplacians_bound_lies_between_shannons_and_what_can_be_reached(bits: float) -> None:
    distortion = laplacian_distortion(bits)
    assert laplacian_shannon_bound(bits) < distortion < 4.0**-bits  # no source is harder than the Gaussian
    if bits == 1:
        assert distortion < lloyd_max(LAPLACIAN, 2)


def test_the_laplacians_bound_is_enclosed_and_joins_shannons() -> None:
    def density(size: np.ndarray) -> np.ndarray:
        return np.exp(-math.sqrt(2) * size)

    bounds = least_lagrangian(density, 1.1, 0.2, 18.0)
    assert 0 <= bounds.high - bounds.low < 2e-4
    assert laplacian_distortion(1.99) / laplacian_shannon_bound(1.99) == pytest.approx(1, abs=3e-4)
    assert laplacian_distortion(0) == 1


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_has_the_moments_that_its_bound_assumes(name: SourceName) -> None:
    source = open_source(name, 4)
    vectors = source.draw(2**17, "test", torch.Generator().manual_seed(1)).double()
    assert float(vectors.var(0).mean()) == pytest.approx(source.variance, rel=0.03)
    at_no_bits = source.bound(0)
    assert at_no_bits == pytest.approx(source.variance, rel=1e-6)
    correlation = float(torch.corrcoef(vectors.T)[0, 1])
    expected = {"gaussian": 0.0, "laplacian": 0.0, "gauss-markov": CORRELATION}
    assert correlation == pytest.approx(expected[name], abs=0.01) if name in expected else correlation > 0.8
    if name == "laplacian":
        assert float(vectors.abs().mean()) == pytest.approx(1 / math.sqrt(2), rel=0.01)


def test_photographs_train_and_test_on_different_patches_of_the_same_scale() -> None:
    source = open_source("photographs", 4)
    again = open_source("photographs", 4).draw(64, "train", torch.Generator().manual_seed(0))
    train = source.draw(64, "train", torch.Generator().manual_seed(0))
    assert torch.equal(train, again)
    assert not torch.equal(train, source.draw(64, "test", torch.Generator().manual_seed(0)))


@pytest.mark.parametrize(("samples", "shape"), [(1, (1, 1)), (4, (2, 2)), (6, (2, 3)), (7, (1, 7)), (16, (4, 4))])
def test_patches_are_as_square_as_can_be(samples: int, shape: tuple[int, int]) -> None:
    assert patch_shape(samples) == shape
