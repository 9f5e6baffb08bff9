"""Autocorrelation of brightness: how alike places of a texture are at each distance and direction."""

from __future__ import annotations

import torch
from jaxtyping import Float64, Num
from torch import Tensor


def autocorrelation(pictures: Num[Tensor, "b 3 h w"]) -> Float64[Tensor, "u v"]:
    """Of the mean of the colours, at lags up to half a side: r(dy, dx) = E[x(p) x(p + d)] / E[x²], x being what differs
    from the mean over all pictures; 1 at (0, 0). Rows are dy from 0 on, columns dx from -w // 2 to w // 2. All pairs of
    places that lie in a picture count the same. A constant set has 0 at all other lags.

    Raises:
        ValueError: no picture.
    """
    if not len(pictures):
        raise ValueError("autocorrelation() got no picture")
    grey = pictures.double().mean(1)
    grey = grey - grey.mean()
    height, width = grey.shape[-2:]
    both = 2 * height, 2 * width
    spectrum = torch.fft.rfft2(grey, both).abs().square().mean(0)
    pairs = torch.fft.irfft2(torch.fft.rfft2(torch.ones_like(grey[0]), both).abs().square(), both).round()
    found = torch.fft.irfft2(spectrum, both) / pairs.clamp_min(1)
    across = torch.arange(-(width // 2), width // 2 + 1, device=grey.device)
    found = found[: height // 2 + 1, across]
    here = found[0, width // 2].clone()
    found = found / here if here > 0 else torch.zeros_like(found)
    found[0, width // 2] = 1
    return found


def distance(one: Num[Tensor, "b 3 h w"], other: Num[Tensor, "c 3 h w"]) -> float:
    """Root mean square difference of the autocorrelations of two sets of pictures of one size, in [0, 2]."""
    return float((autocorrelation(one) - autocorrelation(other)).square().mean().sqrt())
