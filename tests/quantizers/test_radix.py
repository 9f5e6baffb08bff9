"""Mixed-radix codes: every digit in its place, up to the largest code that an int64 holds."""

import itertools

import pytest
import torch

from quantizers.radix import MixedRadix


def test_codes_count_up_with_the_first_digit_lowest():
    levels = (3, 2, 5)
    digits = [digits[::-1] for digits in itertools.product(*(range(level) for level in reversed(levels)))]
    radix = MixedRadix(levels)
    codes = radix.encode(torch.tensor(digits))
    assert codes.tolist() == list(range(30))
    assert radix.decode(codes).tolist() == [list(row) for row in digits]


def test_the_largest_code():
    radix = MixedRadix((2,) * 62)
    largest = radix.encode(torch.ones(1, 62, dtype=torch.int64))
    assert largest.item() == 2**62 - 1
    assert radix.decode(largest).tolist() == [[1] * 62]


@pytest.mark.parametrize("levels", [(), 5, (1, 5), (2.5, 4), (1001,), (16,) * 16])
def test_levels_that_cannot_be(levels):
    with pytest.raises(ValueError, match="levels"):
        MixedRadix(levels)
