"""PSNR and SSIM against scikit-image, MS-SSIM against its definition, rounding."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from benchmarks.metrics.pictures import PSNR_CAP, psnr, to_uint8, to_unit_range
from benchmarks.metrics.ssim import MS_SSIM_MIN_SIZE, ms_ssim, ssim


def crops(height: int, width: int) -> torch.Tensor:
    photographs = (data.astronaut(), data.cat(), data.coffee())
    return torch.stack([torch.from_numpy(p[40:, 60:][:height, :width].copy()).permute(2, 0, 1) for p in photographs])


def noisy(pictures: torch.Tensor, strength: float = 20.0) -> torch.Tensor:
    noise = strength * torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0))
    return (pictures + noise).clamp(0, 255).to(torch.uint8)


def pairs(originals, reconstructions):
    return zip(originals.permute(0, 2, 3, 1).numpy(), reconstructions.permute(0, 2, 3, 1).numpy(), strict=True)


def test_rounds_to_nearest_instead_of_truncating():
    levels = torch.tensor([0.4999, 0.5001, 99.4999, 99.5001, 254.6, -3.0, 300.0])
    images = (levels / 127.5 - 1).view(1, 1, 1, -1).expand(1, 3, 1, -1)
    assert to_uint8(images)[0, 0, 0].tolist() == [0, 1, 99, 100, 255, 0, 255]


def test_every_level_survives_the_round_trip():
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 1, 256).expand(1, 3, 1, 256)
    assert torch.equal(to_uint8(to_unit_range(levels)), levels)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_diverged_reconstruction_is_an_error(bad):
    with pytest.raises(ValueError, match="diverged"):
        to_uint8(torch.full((1, 3, 2, 2), bad))


@pytest.mark.parametrize("size", [(32, 32), (11, 11), (50, 37), (180, 120)])
def test_psnr_and_ssim_equal_scikit_image(size):
    originals = crops(*size)
    reconstructions = noisy(originals)
    expected_psnr = [peak_signal_noise_ratio(a, b, data_range=255) for a, b in pairs(originals, reconstructions)]
    expected_ssim = [
        structural_similarity(
            a,
            b,
            channel_axis=-1,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for a, b in pairs(originals, reconstructions)
    ]
    np.testing.assert_allclose(psnr(reconstructions, originals), expected_psnr, rtol=0, atol=1e-5)
    # float32 against float64: where a picture is flat, the variance is a small difference of large squares
    np.testing.assert_allclose(ssim(reconstructions, originals), expected_ssim, rtol=0, atol=5e-5)


def test_exact_pictures_get_the_cap_and_one():
    originals = crops(MS_SSIM_MIN_SIZE, MS_SSIM_MIN_SIZE)
    assert psnr(originals, originals).tolist() == [PSNR_CAP] * 3
    torch.testing.assert_close(ssim(originals, originals), torch.ones(3))
    torch.testing.assert_close(ms_ssim(originals, originals), torch.ones(3))


def ms_ssim_by_definition(a: np.ndarray, b: np.ndarray) -> float:
    """Wang et al. 2003 in float64, (3, H, W), with torchmetrics' choices: contrast and structure where the
    whole window fits, SSIM of the coarsest scale over the reflected border too, mean of channels, product."""

    def window(x):
        return gaussian_filter(x, (0, 1.5, 1.5), radius=(0, 5, 5), mode="mirror")

    a, b, score = a.astype(np.float64), b.astype(np.float64), 1.0
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    for scale, weight in enumerate(weights):
        mean_a, mean_b = window(a), window(b)
        var_a, var_b = window(a * a) - mean_a**2, window(b * b) - mean_b**2
        contrast = (2 * (window(a * b) - mean_a * mean_b) + c2) / (var_a + var_b + c2)
        luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
        last = scale == len(weights) - 1
        part = (luminance * contrast).mean() if last else contrast[:, 5:-5, 5:-5].mean()
        score *= max(part, 0) ** weight
        a, b = (x.reshape(3, x.shape[1] // 2, 2, x.shape[2] // 2, 2).mean((2, 4)) for x in (a, b))
    return score


def test_ms_ssim_equals_its_definition():
    originals = crops(192, 224)
    reconstructions = noisy(originals, 40)
    expected = [ms_ssim_by_definition(a, b) for a, b in zip(originals.numpy(), reconstructions.numpy(), strict=True)]
    np.testing.assert_allclose(ms_ssim(reconstructions, originals), expected, rtol=0, atol=2e-5)


def test_ms_ssim_has_no_variant_for_small_pictures():
    small = crops(MS_SSIM_MIN_SIZE - 1, MS_SSIM_MIN_SIZE)
    with pytest.raises(ValueError, match="at least 176 x 176 pixels"):
        ms_ssim(small, small)


@pytest.mark.parametrize("size", [(176, 176), (203, 240)])
def test_ssim_and_ms_ssim_equal_torchmetrics(size):
    from torchmetrics.functional.image import (
        multiscale_structural_similarity_index_measure,
        structural_similarity_index_measure,
    )

    originals = crops(*size)
    reconstructions = noisy(originals, 40)
    given = reconstructions.double(), originals.double()
    _, whole = structural_similarity_index_measure(*given, data_range=255.0, reduction="none", return_full_image=True)
    expected = whole[..., 5:-5, 5:-5].mean((1, 2, 3))
    torch.testing.assert_close(ssim(reconstructions, originals).double(), expected, rtol=0, atol=2e-6)
    expected = multiscale_structural_similarity_index_measure(
        *given, data_range=255.0, reduction="none", normalize="relu"
    )
    torch.testing.assert_close(ms_ssim(reconstructions, originals).double(), expected, rtol=0, atol=2e-6)


def test_batches_of_any_size_have_the_same_similarities():
    originals = crops(192, 240)
    reconstructions = noisy(originals)
    together = ms_ssim(reconstructions, originals), ssim(reconstructions, originals)
    for place in range(3):
        one = reconstructions[place : place + 1], originals[place : place + 1]
        assert (ms_ssim(*one), ssim(*one)) == (together[0][place : place + 1], together[1][place : place + 1])


def test_a_negative_factor_counts_as_none():
    originals = crops(176, 176)
    assert ms_ssim(255 - originals, originals).tolist() == [0, 0, 0]


def test_pictures_too_small_for_a_window():
    with pytest.raises(ValueError, match="SSIM needs pictures of at least 11 x 11 pixels, got 10 x 32"):
        ssim(torch.zeros(1, 3, 10, 32), torch.zeros(1, 3, 10, 32))
