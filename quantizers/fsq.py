"""`fsq`: finite scalar quantization, a fixed grid with no codebook to learn."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Float64, Int64, Num
from torch import Tensor

from quantizers.base import Quantizer, RowOutput
from quantizers.channels import side_by_side
from quantizers.entropy import batch_usage
from quantizers.estimators import straight_through
from quantizers.options import check_integer, check_number
from quantizers.radix import MAX_BITS, MixedRadix

PAPER_LEVELS = {
    8: (8, 6, 5),
    10: (8, 5, 5, 5),
    12: (7, 5, 5, 5, 5),
    14: (8, 8, 8, 6, 5),
    16: (8, 8, 8, 5, 5, 5),
}
"""Table 1 of the paper, by bits: 240, 1000, 4375, 15360 and 64000 codes."""

MARGIN = 1e-3
"""The paper's eps: the bounded range reaches a little past the outermost levels."""


def levels_for_bits(bits: int) -> tuple[int, ...]:
    """Levels for about 2^bits codes: the paper's table where it has a row (its 12 bits are 4375 codes), else exactly
    2^bits codes, as many dimensions of 8 levels as fit and the rest of 4 (one of 2 for a single bit)."""
    bits = check_integer("bits", bits, 1, MAX_BITS)
    if bits in PAPER_LEVELS:
        return PAPER_LEVELS[bits]
    if bits == 1:
        return (2,)
    fours = -bits % 3  # 3a + 2b = bits with the fewest fours
    return (8,) * ((bits - 2 * fours) // 3) + (4,) * fours


class FSQ(Quantizer):
    """Each channel is bounded by tanh and rounded to one of its levels; a code is the mixed-radix number of
    them.

    Outputs lie in [-1, 1] (in [-1, 1) for an even number of levels, whose grid is shifted by half a step).
    The gradient is that of the bounding: only the rounding is passed straight through. No loss. The paper's
    code shifts by tan and shrinks by 1 - eps; its first author has confirmed that arctanh, the inverse of the
    bounding, is meant (vector-quantize-pytorch issue 94), which exists for every number of levels with 1 +
    eps, as is used here and there.

    Use it as the baseline that cannot fail: nothing to learn, nothing to collapse, next to no cost, any number of
    codes. At small codebooks (below some 2^10 codes in the paper) a learned one codes better.

    Args:
        levels: levels of each channel, 2 to 1000 each; their product at most 2^62.
        slope: of the bounding at its centre, tanh(slope z), 0.001 to 1000. 0.8 is the sigmoid of iFSQ (Lin et al. 2026,
            arXiv:2601.17124), 2 sigma(1.6 z) - 1, under which a channel that is a unit Gaussian uses its levels evenly.
            Theirs has no margin, and odd numbers of levels alone.
    """

    scale: Float[Tensor, " d"]
    centre: Float[Tensor, " d"]
    shift: Float[Tensor, " d"]
    half_width: Float[Tensor, " d"]
    largest: Float[Tensor, " d"]
    inverse_levels: Float[Tensor, " d"]

    def __init__(self, *, levels: Sequence[int] = (8, 5, 5, 5), slope: float = 1.0) -> None:
        radix = MixedRadix(levels)
        super().__init__(dim=len(levels), codebook_size=radix.codebook_size)
        self.slope = check_number("slope", slope, 1e-3, 1000)
        self.levels = radix.levels
        self.radix = radix
        self.hold_constants(lambda: _grid(self.levels))

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        return {"levels": levels_for_bits(bits)}

    @property
    def residual_scale(self) -> Tensor:
        """1 / levels: the grids of two depths are then one uniform grid of levels^2."""
        return self.inverse_levels

    def bound(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Each channel squashed into the range of its levels, little more than [-1, 1]."""
        lines, shift, scale, centre = side_by_side(rows, self.shift, self.scale, self.centre)
        return torch.addcmul(centre, torch.tanh(torch.add(shift, lines, alpha=self.slope)), scale).view_as(rows)

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        lines, half_width, largest = side_by_side(rows.detach(), self.half_width, self.largest)
        digits = torch.addcmul(half_width, lines, half_width).round_().clamp_(min=0).minimum(largest)
        codes = self.radix.encode(digits.view_as(rows))
        stats = batch_usage(codes, self.codebook_size, over_ranks=self.training)
        quantized = straight_through(rows, self._values(digits, half_width).view_as(rows))
        return RowOutput(quantized, codes.unsqueeze(1), rows.new_zeros(()), stats)

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        return self._values(self.radix.decode(codes.squeeze(1)), self.half_width)

    def _values(self, digits: Num[Tensor, "n d"], half_width: Float[Tensor, " d"]) -> Float[Tensor, "n d"]:
        return (digits - half_width) / half_width


def _grid(levels: Sequence[int]) -> dict[str, Float64[Tensor, " d"]]:
    """The constants of each channel: what bounds it, and where its levels lie."""
    count = torch.tensor(levels, dtype=torch.float64)
    half_width = count // 2
    half_range = (count - 1) * (1 + MARGIN) / 2
    offset = torch.where(count % 2 == 0, 0.5, 0.0).double()
    return {
        "scale": half_range / half_width,
        "centre": -offset / half_width,
        "shift": torch.atanh(offset / half_range),
        "half_width": half_width,
        "largest": count - 1,
        "inverse_levels": 1 / count,
    }
