"""Codes made of digits, each with a number of levels of its own: mixed-radix numbers."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Int64, Num
from torch import Tensor

from quantizers.channels import side_by_side
from quantizers.constants import WithConstants
from quantizers.options import check_integer

MAX_BITS = 62
"""A code is an int64; past this it would wrap."""

MAX_LEVELS = 1000
"""Of one digit."""

EXACT_IN_FLOAT32 = 2**24
"""Whole numbers up to this are."""


class MixedRadix(WithConstants):
    """Digits to codes and back; the first digit is the lowest.

    Args:
        levels: values that each digit can take, 2 to 1000; their product is at most 2^62.

    Attributes:
        levels: the same.
        codebook_size: their product.

    Raises:
        ValueError: `levels` is no such sequence.
    """

    radix: Num[Tensor, " d"]
    counts: Num[Tensor, " d"]

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        if not isinstance(levels, Sequence) or not levels:
            raise ValueError(f"levels must be a sequence of at least one integer, got {levels!r}")
        self.levels = tuple(check_integer("every one of levels", level, 2, MAX_LEVELS) for level in levels)
        self.codebook_size = math.prod(self.levels)
        if self.codebook_size > 2**MAX_BITS:
            bits = math.log2(self.codebook_size)
            raise ValueError(f"levels must multiply to at most 2^{MAX_BITS} codes, got 2^{bits:.1f}")
        radix = [math.prod(self.levels[:digit]) for digit in range(len(self.levels))]
        # Where they are exact as floats they are floats: PyTorch's averages of models cut integers off.
        exact = self.codebook_size <= EXACT_IN_FLOAT32
        dtype = torch.get_default_dtype() if exact else torch.int64
        self.hold_constants(
            lambda: {"radix": torch.tensor(radix, dtype=dtype), "counts": torch.tensor(self.levels, dtype=dtype)}
        )

    def encode(self, digits: Num[Tensor, "n d"]) -> Int64[Tensor, " n"]:
        """The code of each row of digits, which may be whole numbers in floating point."""
        if digits.is_floating_point() and self.codebook_size <= EXACT_IN_FLOAT32:  # sums of floats are vectorised
            lines, radix = side_by_side(digits, self.radix.to(digits.dtype))
            return (lines * radix).view_as(digits).sum(1).to(torch.int64)
        return (digits.to(torch.int64) * self.radix.to(torch.int64)).sum(1)

    def decode(self, codes: Int64[Tensor, " n"]) -> Int64[Tensor, "n d"]:
        """The digits of each code."""
        return codes.unsqueeze(1) // self.radix.to(torch.int64) % self.counts.to(torch.int64)
