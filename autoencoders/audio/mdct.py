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

from quantizers.constants import WithConstants


class MDCT(WithConstants):
    """Coefficients of each block of a signal, from low to high frequencies, and back.

    Args:
        block: N, even; the windows are 2 N long.
    """

    dct: Tensor
    sine: Tensor
    cosine: Tensor

    def __init__(self, block: int) -> None:
        super().__init__()
        self.block = block
        self.hold_constants(self._constants_of_block)

    def _constants_of_block(self) -> dict[str, Tensor]:
        """The DCT-IV of that size, symmetric and its own inverse, and the window around a border between blocks."""
        half = torch.arange(self.block, dtype=torch.float64) + 0.5
        dct = math.sqrt(2 / self.block) * torch.cos(math.pi / self.block * torch.outer(half, half))
        angles = math.pi / (2 * self.block) * (self.block // 2 + half[: self.block // 2])
        return {"dct": dct, "sine": torch.sin(angles), "cosine": torch.cos(angles)}

    def forward(self, signal: Float[Tensor, "*b n"]) -> Float[Tensor, "*b k block"]:
        """Coefficients of the blocks; n is a multiple of N."""
        folded = self._folded(signal, self.cosine)
        return rearrange(folded, "... (k n) -> ... k n", n=self.block) @ self.dct.to(signal.dtype)

    def inverse(self, coefficients: Float[Tensor, "*b k block"]) -> Float[Tensor, "*b n"]:
        """The signal with these coefficients."""
        folded = rearrange(coefficients @ self.dct.to(coefficients.dtype), "... k n -> ... (k n)")
        return self._folded(folded, -self.cosine)

    def _folded(self, signal: Float[Tensor, "*b n"], cosine: Float[Tensor, " half"]) -> Float[Tensor, "*b n"]:
        """Samples on both sides of each border between blocks rotated, mirrored pair by pair; by the negative cosine
        back.

        The basis of a DCT-IV is even at its left end and odd at its right: the right side takes its mirror image on,
        the left side takes it off.
        """
        half = self.block // 2
        inner = rearrange(signal[..., half:-half], "... (k n) -> ... k n", n=self.block)  # around each border
        left, right = inner[..., :half].flip(-1), inner[..., half:]
        sine, cosine = self.sine.to(signal.dtype), cosine.to(signal.dtype)
        right, left = sine * right + cosine * left, sine * left - cosine * right
        turned = rearrange(torch.cat([left.flip(-1), right], -1), "... k n -> ... (k n)")
        return torch.cat([signal[..., :half], turned, signal[..., -half:]], -1)
