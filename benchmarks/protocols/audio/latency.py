"""How much of a sound a tokenizer must have heard before it can give a sample back: measured, not declared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from autoencoders import Tokenizer
from quantizers import Quantizer

BLOCKS = 32
"""Of the stride, that the probe is long."""


@torch.no_grad()
def latency_samples(tokenizer: Tokenizer, seed: int = 0) -> int | None:
    """Samples from when an output sample is due until the last input sample that it depends on is there.

    Noise goes through the networks, then again with other noise from some sample t on. The first output sample that
    differs is s(t); the latency is the largest t - s(t) + 1 over all t of one stride in the middle of the probe. The
    channels of the latents are scaled by fixed random numbers instead of being quantized: a code may stay as it is by
    chance, and latents as they are would let a transform that loses nothing give back each sample by itself. A causal
    tokenizer has its stride.

    Returns:
        None where the output depends on the whole probe: of a normalisation or an LSTM in both directions.
    """
    (stride,) = tokenizer.strides
    generator = torch.Generator().manual_seed(seed)
    device = next(iter(tokenizer.state_dict().values())).device
    sound, other = (
        torch.randn(1, tokenizer.channels, BLOCKS * stride, generator=generator, dtype=tokenizer.dtype).to(device) / 4
        for _ in range(2)
    )
    with _scaled_latents(tokenizer, generator):
        before = tokenizer(sound).reconstruction

        @cache
        def first(place: int) -> int:
            changed = torch.cat([sound[..., :place], other[..., place:]], -1)
            return _first_difference(before, tokenizer(changed).reconstruction)

        middle = BLOCKS // 2 * stride
        ends = _before_steps(first, middle, middle + stride - 1)
        return None if not all(map(first, ends)) else max(place - first(place) + 1 for place in ends)


def _before_steps(first: Callable[[int], int], low: int, high: int) -> set[int]:
    """The last places in [low, high] at which a function that never falls has each of its values, by halving."""
    if first(low) == first(high):
        return {high}
    if high - low == 1:
        return {low, high}
    middle = (low + high) // 2
    return _before_steps(first, low, middle) | _before_steps(first, middle, high)


def _first_difference(one: Float[Tensor, "1 c n"], other: Float[Tensor, "1 c n"]) -> int:
    """The place; the end where there is none."""
    differs = (one != other).any(1)[0]
    return int(differs.long().argmax()) if differs.any() else len(differs)


@contextmanager
def _scaled_latents(tokenizer: Tokenizer, generator: torch.Generator) -> Iterator[None]:
    """The quantizers pass on what they are given, each channel by another factor from 0.5 to 1.5."""

    def scaling(quantizer: Quantizer) -> Callable[..., Any]:
        factors = 0.5 + torch.rand(quantizer.dim, generator=generator)

        def scaled(_: Quantizer, given: tuple[Tensor], output: Any) -> Any:
            return output._replace(quantized=given[0] * factors[:, None].to(given[0]))

        return scaled

    hooks = [quantizer.register_forward_hook(scaling(quantizer)) for quantizer in tokenizer.quantizers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
