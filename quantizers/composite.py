"""What quantizers made of other quantizers share."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from quantizers.options import check_integer
from quantizers.registry import options_for_bits, quantizer_class, quantizer_options

MAX_BITS = 1024
"""Bits of a position; far above any use, so that the splits tried below are few."""


def check_base(base: object) -> str:
    """Return `base` if it names a quantizer, else raise a `ValueError` that names the option."""
    if not isinstance(base, str):
        raise ValueError(f"base must be the name of a quantizer, got {base!r}")
    try:
        quantizer_class(base)
    except ValueError as error:
        raise ValueError(f"base: {error}") from error
    return base


def split_bits(bits: int, count_option: str, base: str, options: dict[str, Any]) -> dict[str, Any]:
    """Options of a quantizer that splits `bits` evenly over several of `base`.

    Args:
        bits: bits per position.
        count_option: the option that says over how many; where it is not chosen, codes of 10 bits, the codebooks of
            1,024 that codecs of sound have, if several of them make `bits`; else the smallest divisor of `bits` above 1
            that the base can meet.
        base: name of the base quantizer.
        options: those chosen already, its own and the base's.

    Raises:
        ValueError: the bits cannot be split so.
    """
    bits = check_integer("bits", bits, 1, MAX_BITS)
    check_base(base)
    divisors = [count for count in range(1, bits + 1) if bits % count == 0]
    known = quantizer_options(base).keys() - {"base"}  # a base that has a base takes its default
    base_options = {name: value for name, value in options.items() if name in known}

    def split(count: int) -> dict[str, Any]:
        return {count_option: count, **options_for_bits(base, bits // count, base_options)}

    if count_option in options:
        count = check_integer(count_option, options[count_option], 1)
        if count not in divisors:
            raise ValueError(
                f"bits={bits} cannot be split evenly over {count_option}={count!r}: "
                f"{count_option} can be {', '.join(map(str, divisors))}"
            )
        return split(count)
    tens = [bits // 10] if bits % 10 == 0 and bits > 10 else []
    for count in [*tens, *divisors[1:]]:
        with suppress(ValueError):
            return split(count)
    return split(1)


def mean_stats(stats: Sequence[dict[str, Float[Tensor, ""]]]) -> dict[str, Float[Tensor, ""]]:
    """Means of the stats that all parts have."""
    names = [name for name in stats[0] if all(name in part for part in stats)]
    return {name: torch.stack([part[name] for part in stats]).mean() for name in names}
