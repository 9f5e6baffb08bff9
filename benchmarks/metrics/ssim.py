"""SSIM and MS-SSIM of pictures in levels from 0 to 255, a value for each picture.

Windows are separable sums of shifted pictures, a few pictures at a time, so that all that is made of them stays in the
caches: a tenth of the time of a convolution with the whole window.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Num
from torch import Tensor

WINDOW = 11  # pixels
SIGMA = 1.5
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the scales of MS-SSIM, from fine to coarse (Wang et al. 2003)."""

SSIM_MIN_SIZE = WINDOW
MS_SSIM_MIN_SIZE = WINDOW * 2 ** (len(EXPONENTS) - 1)  # the coarsest scale still holds a whole window

Levels = Num[Tensor, "b c h w"]
"""Pictures in levels from 0 to 255, 8-bit or not rounded."""

PIXELS = 2**16
"""Of pictures at once on a CPU: with their squares and products 4 MB."""


class Similarity(NamedTuple):
    """At every place of the window: luminance times contrast and structure, and the second alone."""

    whole: Float[Tensor, "b c h w"]
    structure: Float[Tensor, "b c h w"]


def ssim(reconstructions: Levels, originals: Levels) -> Float[Tensor, " b"]:
    """Structural similarity of each picture (Wang et al. 2004), in [-1, 1]; needs H, W >= 11.

    Gaussian window 11 x 11 of sigma 1.5, K1 = 0.01, K2 = 0.03, population covariance, per channel; averaged
    over channels and over the positions where the whole window lies inside the picture, as the paper's code
    and scikit-image do.
    """
    _require_size(originals, SSIM_MIN_SIZE, "SSIM")
    return few_at_a_time(lambda a, b: _similarity(a, b).whole.mean((1, 2, 3)), reconstructions, originals)


def ms_ssim(reconstructions: Levels, originals: Levels) -> Float[Tensor, " b"]:
    """Multi-scale structural similarity of each picture (Wang et al. 2003), in [0, 1]; needs H, W >= 176.

    Five scales with the paper's exponents, as torchmetrics has it: a negative factor counts as zero, the mean over
    channels and positions comes before the product, and the similarity at the coarsest scale is taken over the mirrored
    border too.
    """
    _require_size(originals, MS_SSIM_MIN_SIZE, "MS-SSIM")
    return few_at_a_time(_multi_scale, reconstructions, originals)


def _multi_scale(a: Float[Tensor, "b c h w"], b: Float[Tensor, "b c h w"]) -> Float[Tensor, " b"]:
    score = a.new_ones(a.shape[0])
    for exponent in EXPONENTS[:-1]:
        score = score * _similarity(a, b).structure.mean((1, 2, 3)).relu() ** exponent
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    border = [WINDOW // 2] * 4
    coarsest = _similarity(F.pad(a, border, mode="reflect"), F.pad(b, border, mode="reflect")).whole
    return score * coarsest.mean((1, 2, 3)).relu() ** EXPONENTS[-1]


def _similarity(a: Float[Tensor, "b c h w"], b: Float[Tensor, "b c h w"]) -> Similarity:
    # about the middle of the levels squares are a quarter as large, and lose as much less of their differences
    middle = 127.5
    a, b = a - middle, b - middle
    mean_a, mean_b, square_a, square_b, product = _window(_window(torch.stack([a, b, a * a, b * b, a * b]), -2), -1)
    variances = (square_a - mean_a * mean_a).clamp_(min=0).add_((square_b - mean_b * mean_b).clamp_(min=0))
    covariance = product - mean_a * mean_b
    mean_a, mean_b = mean_a + middle, mean_b + middle
    structure = covariance.mul_(2).add_(C2).div_(variances.add_(C2))
    luminance = (2 * mean_a).mul_(mean_b).add_(C1).div_((mean_a * mean_a).addcmul_(mean_b, mean_b).add_(C1))
    return Similarity(luminance.mul_(structure), structure)


def _window(pictures: Tensor, dim: int) -> Tensor:
    """The Gaussian window along one axis, where the whole of it lies inside."""
    half = WINDOW // 2
    weights = [math.exp(-0.5 * (place / SIGMA) ** 2) for place in range(-half, half + 1)]
    weights = [weight / sum(weights) for weight in weights]
    shifted = [pictures.narrow(dim, place, pictures.shape[dim] - WINDOW + 1) for place in range(WINDOW)]
    total = shifted[half] * weights[half]
    for place in range(half):
        total.add_(shifted[place], alpha=weights[place]).add_(shifted[-1 - place], alpha=weights[place])
    return total


def few_at_a_time(
    measure: Callable[[Tensor, Tensor], Tensor], reconstructions: Levels, originals: Levels
) -> Num[Tensor, " b"]:
    """`measure` of float32 pictures, on a CPU a few at a time."""
    pixels = math.prod(originals.shape[-2:])
    count = max(1, PIXELS // pixels if originals.device.type == "cpu" else len(originals))
    parts = zip(reconstructions.split(count), originals.split(count), strict=True)
    return torch.cat([measure(a.float(), b.float()) for a, b in parts])


def _require_size(pictures: Levels, least: int, name: str) -> None:
    height, width = pictures.shape[-2:]
    if min(height, width) < least:
        raise ValueError(f"{name} needs pictures of at least {least} x {least} pixels, got {height} x {width}")
