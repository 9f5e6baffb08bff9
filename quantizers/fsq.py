"""`fsq`: finite scalar quantization, a fixed grid with no codebook to learn."""

from collections.abc import Sequence
from typing import Any

from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.base import Quantizer, RowOutput
from quantizers.elementwise_compiled import can_use_kernels
from quantizers.entropy import batch_usage
from quantizers.estimators import straight_through
from quantizers.fsq_compiled import bound_compiled, quantize_compiled
from quantizers.fsq_grid import bound_rows, grid_of, nearest_digits, values_of_digits
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

    grid: Float[Tensor, "5 d"]

    def __init__(self, *, levels: Sequence[int] = (8, 5, 5, 5), slope: float = 1.0) -> None:
        radix = MixedRadix(levels)
        super().__init__(dim=len(levels), codebook_size=radix.codebook_size)
        self.slope = check_number("slope", slope, 1e-3, 1000)
        self.levels = radix.levels
        self.radix = radix
        self.hold_constants(lambda: {"grid": grid_of(self.levels)})

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        return {"levels": levels_for_bits(bits)}

    @property
    def residual_scale(self) -> Tensor:
        """1 / levels: the grids of two depths are then one uniform grid of levels^2."""
        return 1 / (self.grid[4] + 1)

    def bound(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Each channel squashed into the range of its levels, little more than [-1, 1]."""
        bound = bound_compiled if can_use_kernels(rows, self.grid) else bound_rows
        return bound(rows, self.grid, self.slope)

    def bound_and_quantize(self, rows: Float[Tensor, "n d"], *details: Tensor) -> RowOutput:
        radix = self.radix.radix
        # A class made of this one may bound or quantize otherwise.
        is_own = (type(self).bound, type(self).quantize_rows) == (FSQ.bound, FSQ.quantize_rows)
        if is_own and can_use_kernels(rows, self.grid, radix):  # radix is of integers where float32 is not exact
            return self._output(*quantize_compiled(rows, self.grid, radix, self.slope))
        return super().bound_and_quantize(rows, *details)

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        digits = nearest_digits(rows.detach(), self.grid)
        quantized = straight_through(rows, values_of_digits(digits, self.grid))
        return self._output(quantized, self.radix.encode(digits))

    def _output(self, quantized: Float[Tensor, "n d"], codes: Int64[Tensor, " n"]) -> RowOutput:
        stats = batch_usage(codes, self.codebook_size, over_ranks=self.training)
        return RowOutput(quantized, codes.unsqueeze(1), quantized.new_zeros(()), stats)

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        return values_of_digits(self.radix.decode(codes.squeeze(1)), self.grid)
