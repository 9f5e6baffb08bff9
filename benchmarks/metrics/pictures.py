"""Per-picture fidelity: PSNR, SSIM and MS-SSIM, and the rounding to 8 bits that comes before them.

The protocol's pictures have 8 bits. Variants of it compare levels that are not rounded, or one channel made of three.
torchmetrics takes two seconds to import, so that it is imported where it is used: not all commands measure.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Num, UInt8
from torch import Tensor

DATA_RANGE = 255.0
PSNR_CAP = 100.0  # dB, reported for a picture reproduced exactly, whose PSNR is infinite
SSIM_WINDOW = 11  # pixels; Gaussian, sigma 1.5
SSIM_MIN_SIZE = SSIM_WINDOW
MS_SSIM_MIN_SIZE = SSIM_WINDOW * 16  # five scales: the coarsest still holds a whole window

Pictures = UInt8[Tensor, "b 3 h w"]
Levels = Num[Tensor, "b c h w"]
"""Pictures in levels from 0 to 255, 8-bit or not rounded."""


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

    In float64, where the sum of squared differences of 8-bit pictures is exact.
    """
    from torchmetrics.functional.image import peak_signal_noise_ratio

    values: Tensor = peak_signal_noise_ratio(
        reconstructions.double(), originals.double(), data_range=DATA_RANGE, reduction="none", dim=(1, 2, 3)
    )
    return values.clamp(max=PSNR_CAP)


def ssim(reconstructions: Levels, originals: Levels) -> Float[Tensor, " b"]:
    """Structural similarity of each picture (Wang et al. 2004), in [-1, 1]; needs H, W >= 11.

    Gaussian window 11 x 11 of sigma 1.5, K1 = 0.01, K2 = 0.03, population covariance, per channel; averaged
    over channels and over the positions where the whole window lies inside the picture, as the paper's code
    and scikit-image do. (torchmetrics by itself averages over the reflected border as well.)
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    _, similarity = structural_similarity_index_measure(
        reconstructions.float(),
        originals.float(),
        data_range=DATA_RANGE,
        reduction="none",
        return_full_image=True,
    )
    border = SSIM_WINDOW // 2
    return similarity[..., border:-border, border:-border].mean(dim=(1, 2, 3))


def ms_ssim(reconstructions: Levels, originals: Levels) -> Float[Tensor, " b"]:
    """Multi-scale structural similarity of each picture (Wang et al. 2003), in [0, 1]; needs H, W >= 176.

    Five scales with the paper's weights, by torchmetrics.
    """
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    values: Tensor = multiscale_structural_similarity_index_measure(
        reconstructions.float(), originals.float(), data_range=DATA_RANGE, reduction="none", normalize="relu"
    )
    return values
