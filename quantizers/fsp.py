"""`fsp`: finite scalar perturbation, trained with noise as large as a bin instead of rounding."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.base import Quantizer, RowOutput
from quantizers.entropy import batch_usage
from quantizers.estimators import straight_through
from quantizers.fsq import levels_for_bits
from quantizers.radix import MixedRadix

RANGE = math.sqrt(3)
"""Channels lie in +-RANGE, so that a uniform one has variance 1."""


class FSP(Quantizer):
    """Each channel is bounded by tanh and its range divided into equal bins; a code is the mixed-radix number of
    them.

    In eval mode the output is the centre of the bin. While training nothing is rounded: the output is the bounded
    channel plus noise, uniform within half a bin's width to either side (none where that would leave the range): an
    error of the size that quantizing will make. The gradient is then no estimate, but exactly that of the bounding.
    Codes while training are those of the channel without noise.

    Use it where `fsq` is used; for a bounded channel that is uniform over its range bin centres are the best values
    (Lloyd-Max), and the gradient is exact. Not with two or three levels, where the decoder would meet in training
    hardly any of the few values that it gets afterwards.

    Args:
        levels: bins of each channel, 2 to 1000 each; their product at most 2^62.
    """

    half_bin: Float[Tensor, " d"]

    def __init__(self, *, levels: Sequence[int] = (8, 5, 5, 5)) -> None:
        radix = MixedRadix(levels)
        super().__init__(dim=len(levels), codebook_size=radix.codebook_size)
        self.levels = radix.levels
        self.radix = radix
        self.hold_constants(lambda: {"half_bin": RANGE / torch.tensor(self.levels, dtype=torch.get_default_dtype())})

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        return {"levels": levels_for_bits(bits)}

    @property
    def residual_scale(self) -> Tensor:
        """1 / levels: what is left over, in a bin, or the noise, is uniform as the channel is."""
        return self.half_bin / RANGE

    def bound(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Each channel squashed into +-sqrt(3)."""
        return RANGE * torch.tanh(rows)

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        bins = ((rows.detach() + RANGE) / (2 * self.half_bin)).to(torch.int64)
        digits = bins.clamp_min(0).minimum(self.radix.counts.to(torch.int64) - 1)
        codes = self.radix.encode(digits)
        if self.training:
            quantized = self._perturb(rows)
        else:
            quantized = straight_through(rows, self._centres(digits).to(rows.dtype))
        stats = batch_usage(codes, self.codebook_size, over_ranks=self.training)
        return RowOutput(quantized, codes.unsqueeze(1), rows.new_zeros(()), stats)

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        return self._centres(self.radix.decode(codes.squeeze(1)))

    def _centres(self, digits: Int64[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return (2 * digits + 1) * self.half_bin - RANGE

    def _perturb(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        noise = (2 * torch.rand(rows.shape, dtype=rows.dtype, device=rows.device) - 1) * self.half_bin
        stays = (rows.detach() + noise).abs() < RANGE
        return rows + torch.where(stays, noise, 0.0)
