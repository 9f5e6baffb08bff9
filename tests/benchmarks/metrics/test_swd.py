"""Sliced Wasserstein distance: its parts against brute force, and what it must not depend on."""

import numpy as np
import pytest
import scipy.ndimage
import torch
from scipy.stats import wasserstein_distance
from skimage import data

from benchmarks.metrics import swd as module
from benchmarks.metrics.swd import (
    extract_patches,
    laplacian_pyramid,
    normalize_patches,
    patch_corners,
    pyramid_sizes,
    random_directions,
    resampled_wasserstein,
    sliced_wasserstein,
    swd,
)
from benchmarks.records.resampling import draws


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    photograph = torch.from_numpy(data.astronaut()).permute(2, 0, 1)
    return photograph.unfold(1, 32, 150).unfold(2, 32, 150).flatten(1, 2).transpose(0, 1).contiguous()


def noisy(pictures: torch.Tensor, strength: float) -> torch.Tensor:
    noise = strength * torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0))
    return (pictures + noise).clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize("size", [(64, 64), (70, 96), (33, 40)])
def test_pyramid_equals_scipy(size):
    """Burt and Adelson's pyramid with mirrored borders, odd sizes halved upwards."""
    image = data.astronaut()[: size[0], : size[1], 0].astype(np.float64)
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    expected, current = [], image
    for height, width in pyramid_sizes(*size)[:-1]:
        smaller = scipy.ndimage.convolve(current, kernel, mode="mirror")[::2, ::2]
        spread = np.zeros((height, width))
        spread[::2, ::2] = smaller
        expected.append(current - scipy.ndimage.convolve(spread, 4 * kernel, mode="mirror"))
        current = smaller
    expected.append(current)
    levels = laplacian_pyramid(torch.from_numpy(image)[None, None])
    assert [tuple(level.shape[-2:]) for level in levels] == pyramid_sizes(*size)
    for level, reference in zip(levels, expected, strict=True):
        np.testing.assert_allclose(level[0, 0], reference, rtol=0, atol=1e-9)


def test_levels_end_at_sixteen_pixels():
    assert [size[0] for size in pyramid_sizes(32, 32)] == [32, 16]
    assert [size[0] for size in pyramid_sizes(256, 256)] == [256, 128, 64, 32, 16]
    with pytest.raises(ValueError, match="16 x 16"):
        swd(
            torch.zeros(1, 3, 15, 15, dtype=torch.uint8),
            torch.zeros(1, 3, 15, 15, dtype=torch.uint8),
            np.arange(1),
        )


def test_patches_are_where_the_corners_say():
    level = torch.arange(2 * 3 * 16 * 20, dtype=torch.float32).view(2, 3, 16, 20)
    (corners,) = patch_corners(np.array([5, 9]), [(16, 20)])
    assert corners.shape == (2, 128, 2)
    assert corners.min() == 0
    assert corners[..., 0].max() == 9
    assert corners[..., 1].max() == 13
    patches = extract_patches(level, torch.from_numpy(corners))
    for picture, patch in ((0, 3), (1, 127)):
        y, x = corners[picture, patch]
        assert torch.equal(patches[picture * 128 + patch], level[picture, :, y : y + 7, x : x + 7])


def test_normalised_per_channel():
    patches = torch.randn(50, 3, 7, 7) * torch.tensor([1.0, 5.0, 0.0]).view(3, 1, 1) + 3
    channels = normalize_patches(patches).view(50, 3, 49)
    torch.testing.assert_close(channels.mean((0, 2)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(channels.std((0, 2), correction=0), torch.tensor([1.0, 1.0, 0.0]), atol=1e-5, rtol=0)


def test_sliced_distance_equals_scipy_per_direction():
    a, b = torch.randn(2, 200, 147, generator=torch.Generator().manual_seed(1))
    directions = random_directions(147)
    assert directions.shape == (512, 147)
    torch.testing.assert_close(directions.norm(dim=1), torch.ones(512))
    expected = np.mean([wasserstein_distance(d @ a.T, d @ b.T) for d in directions])
    assert sliced_wasserstein(a, b, directions) == pytest.approx(expected, rel=1e-5)


def test_zero_symmetric_and_larger_for_more_noise(pictures):
    indices = np.arange(len(pictures))
    little, much = noisy(pictures, 10), noisy(pictures, 60)
    assert swd(pictures, pictures, indices).levels == {32: 0, 16: 0}
    distance = swd(pictures, little, indices)
    assert swd(little, pictures, indices).levels == distance.levels
    assert 0 < distance.levels[32] < swd(pictures, much, indices).levels[32]
    assert distance.mean == pytest.approx((distance.levels[32] + distance.levels[16]) / 2)


def test_independent_of_how_pictures_are_batched(pictures, monkeypatch):
    indices = np.arange(len(pictures))
    whole = swd(pictures, noisy(pictures, 20), indices)
    monkeypatch.setattr(module, "_PIXELS", 5 * 32 * 32)
    assert swd(pictures, noisy(pictures, 20), indices).levels == pytest.approx(whole.levels, rel=1e-9)


def test_a_constant_reconstruction_has_a_finite_distance(pictures):
    distances = swd(pictures, torch.full_like(pictures, 128), np.arange(len(pictures))).levels
    assert all(np.isfinite(value) and value > 0 for value in distances.values())


def test_resamples_equal_scipy_on_repeated_rows():
    a, b = torch.randn(2, 6 * 10, 147, generator=torch.Generator().manual_seed(1))
    b = 1.5 * b
    directions, some = random_directions(147)[:3], draws(6, 20)  # more resamples than are done at a time
    found = resampled_wasserstein(a, b, directions, torch.from_numpy(some))
    for value, drawn in zip(found, some, strict=True):
        rows = np.repeat(np.arange(60), np.repeat(drawn, 10))
        expected = np.mean([wasserstein_distance(d @ a[rows].T, d @ b[rows].T) for d in directions])
        assert value.item() == pytest.approx(expected, rel=1e-4)


def test_resamples_spread_around_the_number(pictures):
    """Picture by picture: with the same pictures drawn in both sets, equal sets stay equal."""
    indices, some = np.arange(len(pictures)), draws(len(pictures))
    found = swd(pictures, noisy(pictures, 40), indices, draws=some)
    assert found.resampled.shape == (len(some),)
    assert found.resampled.mean() == pytest.approx(found.mean, rel=0.1)
    assert found.resampled.std() > 0
    assert np.array_equal(swd(pictures, pictures, indices, draws=some).resampled, np.zeros(len(some)))
