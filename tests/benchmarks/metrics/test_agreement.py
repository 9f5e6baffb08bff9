"""The protocol's metrics equal to what other people's packages compute from the same features and pictures."""

from types import SimpleNamespace

import numpy as np
import pytest
import pytorch_msssim
import scipy.ndimage
import torch
from cleanfid import fid as cleanfid
from scipy.linalg import sqrtm
from skimage import data
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from benchmarks.metrics.fid import FeatureSums, frechet_distance
from benchmarks.metrics.pictures import to_uint8, to_unit_range
from benchmarks.metrics.ssim import ms_ssim, ssim
from benchmarks.metrics.swd import patch_corners, pyramid_sizes, random_directions, swd


def paired_features(count: int, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Non-negative as Inception's are, of pictures and of reconstructions close to them: float32 numbers in float64,
    since both packages would average float32 in float32."""
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(dim, dim, generator=generator) / dim**0.5
    originals = (torch.randn(count, dim, generator=generator) @ mixing).abs()
    reconstructions = (originals + 0.1 * torch.randn(count, dim, generator=generator) @ mixing).abs()
    return originals.double(), reconstructions.double()


def sums(features: torch.Tensor) -> FeatureSums:
    total = FeatureSums.zeros(features.shape[1])
    for some in features.split(100):
        total.update(some)
    return total


@pytest.mark.parametrize(("count", "dim"), [(500, 64), (300, 256), (257, 256), (24, 128), (60, 256), (2, 32)])
def test_frechet_distance_equals_torch_fidelity_and_clean_fid(count, dim, monkeypatch):
    """Also where the covariances have not full rank: fewer pictures than features."""
    # clean-fid asks SciPy for an error estimate that it does not use, and SciPy 1.18 no longer gives
    monkeypatch.setattr(cleanfid, "linalg", SimpleNamespace(sqrtm=lambda matrix, disp=True: (sqrtm(matrix), 0.0)))
    originals, reconstructions = paired_features(count, dim)
    a, b = fid_features_to_statistics(originals), fid_features_to_statistics(reconstructions)
    found = frechet_distance(sums(originals), sums(reconstructions))
    assert found == pytest.approx(fid_statistics_to_metric(a, b, verbose=False)[KEY_METRIC_FID], rel=1e-6)
    assert found == pytest.approx(cleanfid.frechet_distance(a["mu"], a["sigma"], b["mu"], b["sigma"]), rel=1e-6)


def photographs(side: int) -> torch.Tensor:
    pictures = (data.astronaut(), data.cat(), data.coffee())
    return torch.stack([torch.from_numpy(picture[40:, 60:][:side, :side].copy()) for picture in pictures]).movedim(3, 1)


def noisy(pictures: torch.Tensor, strength: float = 30.0) -> torch.Tensor:
    noise = strength * torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0))
    return (pictures + noise).clamp(0, 255).to(torch.uint8)


def test_ssim_and_ms_ssim_against_pytorch_msssim():
    """Its MS-SSIM takes valid windows on the coarsest scale too, and the product before the mean over channels: the
    protocol says how near that is."""
    originals = photographs(192)
    reconstructions = noisy(originals)
    given = reconstructions.double(), originals.double()
    theirs = pytorch_msssim.ssim(*given, data_range=255, size_average=False)
    np.testing.assert_allclose(ssim(reconstructions, originals), theirs, rtol=0, atol=5e-5)
    theirs = pytorch_msssim.ms_ssim(*given, data_range=255, size_average=False)
    np.testing.assert_allclose(ms_ssim(reconstructions, originals), theirs, rtol=0, atol=6e-4)


def test_every_level_rounds_to_the_nearest():
    """All 256 levels, and numbers a little off every half-way point, where truncation gives another level."""
    levels = torch.arange(256)
    for offset, expected in ((0.0, levels), (0.498, levels), (-0.498, levels)):
        images = ((levels.double() + offset) / 127.5 - 1).float().view(1, 1, 16, 16).expand(1, 3, 16, 16)
        assert torch.equal(to_uint8(images)[0, 0].flatten().long(), expected)
        truncated = ((images[0, 0].flatten().double() + 1) * 127.5).clamp(0, 255).floor().long()
        if offset < 0:
            assert torch.equal(truncated[1:], expected[1:] - 1)
    assert torch.equal(to_uint8(to_unit_range(to_uint8(images))), to_uint8(images))


def test_a_half_way_point_rounds_to_even():
    """127.5, the one half-way point that a float32 image in [-1, 1] holds exactly: mid-grey is level 128."""
    assert to_uint8(torch.zeros(1, 3, 1, 1)).flatten().tolist() == [128] * 3


def swd_by_definition(originals: np.ndarray, reconstructions: np.ndarray) -> dict[int, float]:
    """Karras et al. 2018 in float64, with the protocol's places, directions and levels; pictures (N, 3, H, W)."""
    taps = np.array([1, 4, 6, 4, 1]) / 16

    def blur(image):
        for axis in (-2, -1):
            image = scipy.ndimage.convolve1d(image, taps, axis=axis, mode="mirror")
        return image

    def band(image, level):
        while True:
            smaller = blur(image)[..., ::2, ::2]
            if level == 0:
                break
            image, level = smaller, level - 1
        if min(smaller.shape[-2:]) < 16:
            return image
        spread = np.zeros_like(image)
        spread[..., ::2, ::2] = smaller
        return image - 4 * blur(spread)

    sizes = pyramid_sizes(*originals.shape[-2:])
    corners = patch_corners(np.arange(len(originals)), sizes)
    directions = random_directions(147).double().numpy()
    found = {}
    for level, size in enumerate(sizes):
        projections = []
        for pictures in (originals, reconstructions):
            bands = [band(picture.astype(np.float64), level) for picture in pictures]
            patches = np.stack(
                [
                    image[:, y : y + 7, x : x + 7]
                    for image, places in zip(bands, corners[level], strict=True)
                    for y, x in places
                ]
            )
            patches -= patches.mean((0, 2, 3), keepdims=True)
            patches /= patches.std((0, 2, 3), keepdims=True)
            projections.append(np.sort(patches.reshape(len(patches), -1) @ directions.T, axis=0))
        found[min(size)] = 1000 * np.abs(projections[0] - projections[1]).mean()
    return found


def test_swd_equals_its_definition():
    originals = photographs(70)[:, :, :50]
    reconstructions = noisy(originals)
    expected = swd_by_definition(originals.numpy(), reconstructions.numpy())
    assert list(expected) == [50, 25]
    assert swd(originals, reconstructions, np.arange(3)).levels == pytest.approx(expected, rel=1e-4)
