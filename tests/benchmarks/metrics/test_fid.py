"""The Fréchet distance against scipy's sqrtm, torchmetrics and the closed form; Inception's loading."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torchmetrics.image.fid import _compute_fid

from benchmarks.metrics import fid
from benchmarks.metrics.fid import FeatureSums, frechet_distance, resampled_distances
from benchmarks.records.resampling import draws


def sums(features: torch.Tensor, batch: int = 1000) -> FeatureSums:
    total = FeatureSums.zeros(features.shape[1])
    for some in features.split(batch):
        total.update(some)
    return total


def features(count: int, dim: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(dim, dim, generator=generator, dtype=torch.float64) / dim**0.5
    return torch.randn(count, dim, generator=generator, dtype=torch.float64) @ mixing + seed / 10


def test_equals_sqrtm_and_torchmetrics():
    a, b = features(500, 64, 1), features(400, 64, 2)
    (mean_a, cov_a), (mean_b, cov_b) = ((x.numpy().mean(0), np.cov(x.numpy(), rowvar=False)) for x in (a, b))
    expected = ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a + cov_b - 2 * sqrtm(cov_a @ cov_b).real)
    assert frechet_distance(sums(a), sums(b)) == pytest.approx(expected, rel=1e-9)
    theirs = _compute_fid(*map(torch.from_numpy, (mean_a, cov_a, mean_b, cov_b))).item()
    assert frechet_distance(sums(a), sums(b)) == pytest.approx(theirs, rel=1e-9)


def test_gaussians_with_a_known_distance():
    """Diagonal covariances: ||μ₁ - μ₂||² + Σ (σ₁ - σ₂)²."""
    base = features(300, 8, 3)
    base = (base - base.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(base.T))).T
    scales_a, scales_b = torch.linspace(1, 3, 8).double(), torch.linspace(2, 0.5, 8).double()
    shift = torch.arange(8).double()
    expected = shift.square().sum() + (scales_a - scales_b).square().sum()
    assert frechet_distance(sums(base * scales_a), sums(base * scales_b + shift)) == pytest.approx(expected.item())


def test_fewer_pictures_than_features():
    a, b = features(20, 128, 1), features(20, 128, 2)
    centred = [(x - x.mean(0)) / 19**0.5 for x in (a, b)]
    cross = torch.linalg.svdvals(centred[0] @ centred[1].T).sum()  # Tr (Σ₁Σ₂)^½ without the large matrices
    expected = (a.mean(0) - b.mean(0)).square().sum() + sum(x.square().sum() for x in centred) - 2 * cross
    assert frechet_distance(sums(a), sums(b)) == pytest.approx(expected.item(), rel=1e-5)
    assert frechet_distance(sums(a), sums(a)) == pytest.approx(0, abs=1e-4)


def test_equal_sets_have_distance_zero():
    a = features(500, 32, 1)
    assert frechet_distance(sums(a), sums(a)) == pytest.approx(0, abs=1e-9)


def test_batches_and_ranks_add_up():
    a, b = features(500, 32, 1), features(500, 32, 2)
    whole = frechet_distance(sums(a), sums(b))
    assert frechet_distance(sums(a, 7), sums(b[:100], 3) + sums(b[100:])) == pytest.approx(whole, rel=1e-12)


def test_one_picture_has_no_covariance():
    with pytest.raises(ValueError, match="at least 2"):
        frechet_distance(sums(features(1, 4, 1)), sums(features(1, 4, 1)))


@pytest.mark.parametrize(("count", "dim"), [(60, 16), (20, 64)])
def test_resamples_equal_distances_of_repeated_pictures(count, dim, monkeypatch):
    monkeypatch.setattr(fid, "_ROWS_AT_ONCE", 13)
    a, b = features(count, dim, 1), features(count, dim, 2)
    some = draws(count, 4)
    found = resampled_distances(a.split(7), b.split(7), some)
    for value, drawn in zip(found, torch.from_numpy(some), strict=True):
        expected = frechet_distance(sums(a.repeat_interleave(drawn, 0)), sums(b.repeat_interleave(drawn, 0)))
        assert value == pytest.approx(expected, rel=1e-5)  # square roots of eigenvalues that are 0 but for rounding
    for size in (1, 5, 60):  # the blocks that the rows come in round nothing
        np.testing.assert_array_equal(resampled_distances(a.split(size), b.split(size), some), found)
