"""Forms of PSNR, SSIM and MS-SSIM: what is computed of each picture, and what of all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float, Num
from torch import Tensor

from benchmarks.metrics import pictures as fidelity
from benchmarks.metrics.ssim import ms_ssim, ssim

Levels = Num[Tensor, "b c h w"]
Similarity = Callable[[Levels, Levels], Float[Tensor, " b"]]


class PSNRForm(NamedTuple):
    """The number of a picture, and that of the set from those."""

    of_picture: Similarity
    of_all: Callable[[Float[Tensor, " n"]], float]


def mean(values: Float[Tensor, " n"]) -> float:
    return values.mean().item()


def squared_error(reconstructions: Levels, originals: Levels) -> Float[Tensor, " b"]:
    """Mean squared error of each picture, in squared levels."""
    return (reconstructions.double() - originals.double()).square().mean(dim=(1, 2, 3))


def decibels_of_mean(errors: Float[Tensor, " n"]) -> float:
    """PSNR in dB of the mean of the squared errors, never above the mean of the pictures' PSNRs (Jensen)."""
    error = errors.mean().item()
    return fidelity.PSNR_CAP if error == 0 else min(fidelity.PSNR_CAP, 10 * math.log10(255**2 / error))


PSNR_FORMS: Mapping[str, PSNRForm] = {
    "mean of decibels": PSNRForm(fidelity.psnr, mean),
    "decibels of mean": PSNRForm(squared_error, decibels_of_mean),
}
"""The second is torchmetrics' PeakSignalNoiseRatio as it comes, which sums squared errors over all pictures."""


def similarity_maps(
    a: Levels, b: Levels, window: Float[Tensor, " k"], data_range: float, sample_covariance: bool
) -> tuple[Float[Tensor, "b c i j"], Float[Tensor, "b c i j"]]:
    """SSIM, and its factor of contrast and structure, in float64 wherever the whole window lies inside (Wang et al.
    2004, equation 13). The window is separable and its weights sum to 1; with `sample_covariance` variances are divided
    by k² - 1, not k²."""
    a, b, window = a.double(), b.double(), window.to(a.device).double()
    channels = a.shape[1]

    def local_mean(images: Tensor) -> Tensor:
        across = window.expand(channels, 1, 1, -1)
        return F.conv2d(F.conv2d(images, across, groups=channels), across.mT, groups=channels)

    mean_a, mean_b = local_mean(a), local_mean(b)
    count = len(window) ** 2
    scale = count / (count - 1) if sample_covariance else 1.0
    variance_a, variance_b = (scale * (local_mean(x * x) - m * m) for x, m in ((a, mean_a), (b, mean_b)))
    covariance = scale * (local_mean(a * b) - mean_a * mean_b)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    contrast = (2 * covariance + c2) / (variance_a + variance_b + c2)
    return (2 * mean_a * mean_b + c1) / (mean_a * mean_a + mean_b * mean_b + c1) * contrast, contrast


def uniform_ssim(reconstructions: Levels, originals: Levels) -> Float[Tensor, " b"]:
    """scikit-image's default: uniform window 7 x 7, sample covariance."""
    window = torch.full((7,), 1 / 7, dtype=torch.float64)
    return similarity_maps(reconstructions, originals, window, 255, True)[0].mean(dim=(1, 2, 3))


def wide_uniform_ssim(reconstructions: Levels, originals: Levels) -> Float[Tensor, " b"]:
    """The same with twice the range that the pictures have, as if they went from -1 to 1: constants four times as
    large, and similarities higher."""
    window = torch.full((7,), 1 / 7, dtype=torch.float64)
    return similarity_maps(reconstructions, originals, window, 510, True)[0].mean(dim=(1, 2, 3))


def bordered_ssim(reconstructions: Levels, originals: Levels) -> Float[Tensor, " b"]:
    """The protocol's window over all positions, the picture mirrored outside of it: torchmetrics as it comes."""
    from torchmetrics.functional.image import structural_similarity_index_measure  # two seconds of import

    values = structural_similarity_index_measure(
        reconstructions.double(), originals.double(), data_range=255.0, reduction="none"
    )
    return cast(Tensor, values)  # a pair only where more is asked for


SSIM_FORMS: Mapping[str, Similarity] = {
    "gaussian": ssim,
    "uniform": uniform_ssim,
    "uniform, double range": wide_uniform_ssim,
    "gaussian with border": bordered_ssim,
}


def gaussian_window() -> Float[Tensor, " 11"]:
    """One side of the window of Wang et al. 2004: 11 pixels, sigma 1.5."""
    positions = torch.arange(11, dtype=torch.float64) - 5
    weights = torch.exp(-positions.square() / (2 * 1.5**2))
    return weights / weights.sum()


def ms_ssim_by_channel(reconstructions: Levels, originals: Levels) -> Float[Tensor, " b"]:
    """pytorch-msssim's: whole windows on all five scales, negative factors zero, the product over scales before the
    mean over channels. Odd sides are filled up with zeros before they are halved."""
    a, b = reconstructions.double(), originals.double()
    exponents = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    score = a.new_ones(a.shape[:2])
    for scale, exponent in enumerate(exponents, start=1):
        similarity, contrast = similarity_maps(a, b, gaussian_window(), 255, False)
        factor = similarity if scale == len(exponents) else contrast
        score = score * factor.mean(dim=(2, 3)).relu() ** exponent
        padding = [side % 2 for side in a.shape[2:]]
        a, b = F.avg_pool2d(a, 2, padding=padding), F.avg_pool2d(b, 2, padding=padding)
    return score.mean(dim=1)


MS_SSIM_FORMS: Mapping[str, Similarity] = {"torchmetrics": ms_ssim, "by channel": ms_ssim_by_channel}


def rgb(levels: Levels) -> Levels:
    return levels


def luma(levels: Num[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 h w"]:
    """The Y of YCbCr by ITU-R BT.601, from 16 to 235 for levels from 0 to 255, in float64: what super-resolution
    compares (XPixelGroup/BasicSR, basicsr/utils/color_util.py). It is still held against a range of 255."""
    weights = levels.new_tensor([65.481, 128.553, 24.966], dtype=torch.float64) / 255
    return 16 + torch.einsum("bchw,c->bhw", levels.double(), weights).unsqueeze(1)


CHANNELS: Mapping[str, Callable[[Levels], Levels]] = {"rgb": rgb, "luma": luma}
"""What of the colours PSNR, SSIM and MS-SSIM compare."""
