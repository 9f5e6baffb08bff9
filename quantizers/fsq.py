"""`fsq`: finite scalar quantization, a fixed grid with no codebook to learn."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.base import Quantizer, RowOutput
from quantizers.entropy import batch_usage
from quantizers.estimators import straight_through
from quantizers.registry import register_quantizer
from quantizers.validation import check_integer

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

MAX_BITS = 62
"""A code is an int64; past this it would wrap."""


def levels_for_bits(bits: int) -> tuple[int, ...]:
    """Levels for about 2^bits codes: the paper's table where it has a row (its 12 bits are 4375 codes), else exactly
    2^bits codes, as many dimensions of 8 levels as fit and the rest of 4 (one of 2 for a single bit)."""
    check_integer("bits", bits, 1, MAX_BITS)
    if bits in PAPER_LEVELS:
        return PAPER_LEVELS[bits]
    if bits == 1:
        return (2,)
    fours = -bits % 3  # 3a + 2b = bits with the fewest fours
    return (8,) * ((bits - 2 * fours) // 3) + (4,) * fours


@register_quantizer(
    "fsq",
    description="finite scalar quantization, a fixed grid (FSQ)",
    paper="Mentzer et al. 2023, arXiv:2309.15505, table 1 and appendix A.1",
)
class FSQ(Quantizer):
    """Each channel is bounded by tanh and rounded to one of its levels; a code is the mixed-radix number of
    them.

    Outputs lie in [-1, 1] (in [-1, 1) for an even number of levels, whose grid is shifted by half a step).
    The gradient is that of the bounding: only the rounding is passed straight through. No loss. The paper's
    code shifts by tan and shrinks by 1 - eps; its first author has confirmed that arctanh, the inverse of the
    bounding, is meant (vector-quantize-pytorch issue 94), which exists for every number of levels with 1 +
    eps, as is used here and there.

    Args:
        levels: levels of each channel, 2 to 1000 each; their product at most 2^62.
    """

    is_straight_through = False

    half_width: Float[Tensor, "d"]
    half_range: Float[Tensor, "d"]
    offset: Float[Tensor, "d"]
    shift: Float[Tensor, "d"]
    radix: Int64[Tensor, "d"]
    level_counts: Int64[Tensor, "d"]

    def __init__(self, *, levels: Sequence[int] = (8, 5, 5, 5)) -> None:
        if not isinstance(levels, Sequence) or not levels:
            raise ValueError(f"levels must be a sequence of at least one integer, got {levels!r}")
        for level in levels:
            check_integer("every one of levels", level, 2, 1000)  # with more, the margin would reach a level further
        codebook_size = math.prod(levels)
        if codebook_size > 2**MAX_BITS:
            raise ValueError(
                f"levels must multiply to at most 2^{MAX_BITS} codes, got 2^{math.log2(codebook_size):.1f}"
            )
        super().__init__(dim=len(levels), codebook_size=codebook_size)
        self.levels = tuple(levels)
        count = torch.tensor(self.levels, dtype=torch.float64)
        half_range = (count - 1) * (1 + MARGIN) / 2
        offset = torch.where(count % 2 == 0, 0.5, 0.0).double()
        radix = torch.tensor([math.prod(levels[:i]) for i in range(len(levels))], dtype=torch.int64)
        for name, value in {
            "half_width": count // 2,
            "half_range": half_range,
            "offset": offset,
            "shift": torch.atanh(offset / half_range),
        }.items():
            self.register_buffer(name, value.to(torch.get_default_dtype()), persistent=False)
        self.register_buffer("radix", radix, persistent=False)
        self.register_buffer("level_counts", count.long(), persistent=False)

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        return {"levels": levels_for_bits(bits)}

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        bounded = torch.tanh(rows + self.shift) * self.half_range - self.offset
        steps = bounded.detach().round()
        codes = ((steps + self.half_width).to(torch.int64) * self.radix).sum(1)
        quantized = straight_through(bounded, steps) / self.half_width
        stats = batch_usage(codes, self.codebook_size, over_ranks=self.training)
        return RowOutput(quantized, codes.unsqueeze(1), rows.new_zeros(()), stats)

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        steps = codes // self.radix % self.level_counts
        return (steps - self.half_width) / self.half_width
