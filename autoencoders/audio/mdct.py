"""The modified discrete cosine transform (Princen, Johnson and Bradley 1987), as a rotation of the whole sound.

Each block of N samples is folded over its two ends with its neighbours, by rotations of pairs of samples with the sine
window's angles, and then turned by a DCT-IV. At the ends of the sound nothing is folded. So n samples give n
coefficients, n / N blocks of them; the whole is orthogonal, and its inverse its transpose.
"""

from __future__ import annotations

import math

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor


def mdct(signal: Float[Tensor, "*b n"], block: int) -> Float[Tensor, "*b n/{block} {block}"]:
    """Coefficients of each block, from low to high frequencies.

    Args:
        signal: n a multiple of `block`.
        block: N, even; the windows are 2 N long.
    """
    folded = _folded(signal, block, 1.0)
    return rearrange(folded, "... (k n) -> ... k n", n=block) @ _dct(block, signal)


def inverse_mdct(coefficients: Float[Tensor, "*b k n"]) -> Float[Tensor, "*b k*n"]:
    """The signal with these coefficients."""
    block = coefficients.shape[-1]
    folded = rearrange(coefficients @ _dct(block, coefficients), "... k n -> ... (k n)")
    return _folded(folded, block, -1.0)


def _dct(block: int, like: Tensor) -> Float[Tensor, "{block} {block}"]:
    """The DCT-IV of that size, symmetric and its own inverse."""
    half = torch.arange(block, dtype=torch.float64) + 0.5
    return (math.sqrt(2 / block) * torch.cos(math.pi / block * torch.outer(half, half))).to(like)


def _folded(signal: Float[Tensor, "*b n"], block: int, way: float) -> Float[Tensor, "*b n"]:
    """Samples on both sides of each border between blocks rotated, mirrored pair by pair; `way` -1 turns back.

    The basis of a DCT-IV is even at its left end and odd at its right: the right side takes its mirror image on, the
    left side takes it off.
    """
    half = block // 2
    inner = rearrange(signal[..., half:-half], "... (k n) -> ... k n", n=block)  # around each border
    left, right = inner[..., :half].flip(-1), inner[..., half:]
    angles = math.pi / (2 * block) * (half + torch.arange(half, dtype=torch.float64) + 0.5)
    sine, cosine = torch.sin(angles).to(signal), way * torch.cos(angles).to(signal)
    right, left = sine * right + cosine * left, sine * left - cosine * right
    turned = rearrange(torch.cat([left.flip(-1), right], -1), "... k n -> ... (k n)")
    return torch.cat([signal[..., :half], turned, signal[..., -half:]], -1)
