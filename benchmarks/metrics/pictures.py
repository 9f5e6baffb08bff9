"""PSNR of each picture, and the rounding to 8 bits that comes before every measure.

The protocol's pictures have 8 bits. Variants of it compare levels that are not rounded, or one channel made of three.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Float64, UInt8
from torch import Tensor

from benchmarks.metrics.ssim import Levels, few_at_a_time

DATA_RANGE = 255.0
PSNR_CAP = 100.0  # dB, reported for a picture reproduced exactly, whose PSNR is infinite

Pictures = UInt8[Tensor, "b 3 h w"]


def to_uint8(images: Float[Tensor, "b 3 h w"]) -> Pictures:
    """Images in [-1, 1] as 8-bit pictures: clamped, then rounded to the nearest level (ties to even).

    Raises ValueError if an image holds NaN or infinity, for which no level would be right.
    """
    images = images.detach().float()
    if not images.isfinite().all():
        raise ValueError(
            "the reconstruction holds NaN or infinite values: the tokenizer has diverged; "
            "train it again with a lower learning rate, or from an earlier checkpoint"
        )
    return ((images.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def to_unit_range(pictures: Levels) -> Float[Tensor, "b c h w"]:
    """Levels as float32 images in [-1, 1]; `to_uint8` takes 8-bit pictures back exactly."""
    return pictures.float() / 127.5 - 1


def central(pictures: Pictures, size: Sequence[int]) -> UInt8[Tensor, "b 3 _h _w"]:
    """The central part of that height and width, or all where there is no more; an odd margin loses its extra pixel at
    the right or bottom."""
    height, width = map(min, pictures.shape[-2:], size)
    top, left = (pictures.shape[-2] - height) // 2, (pictures.shape[-1] - width) // 2
    return pictures[..., top : top + height, left : left + width]


def psnr(reconstructions: Levels, originals: Levels) -> Float[Tensor, " b"]:
    """Peak signal-to-noise ratio of each picture in dB, over all pixels and channels, at most `PSNR_CAP`.

    Of 8-bit pictures the squared differences are exact, and so is their sum, in float64.
    """
    error = few_at_a_time(_squared_error, reconstructions, originals)
    return (10 * (DATA_RANGE**2 / error).log10()).clamp(max=PSNR_CAP)


def _squared_error(a: Float[Tensor, "b c h w"], b: Float[Tensor, "b c h w"]) -> Float64[Tensor, " b"]:
    return (a - b).square_().mean((1, 2, 3), dtype=torch.float64)
