"""Originals and their reconstructions, batch by batch: what every metric of the protocol is computed from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from jaxtyping import Int, UInt8
from torch import Tensor

from autoencoders import Tokenizer
from autoencoders.extents import reconstruct_any
from benchmarks.metrics import pictures as fidelity

Batches = Iterable[tuple[Int[Tensor, " b"], UInt8[Tensor, "b 3 h w"]]]
"""Places in the test set, and the protocol's crops there."""


class Pairs(NamedTuple):
    """A batch of pictures and what became of them.

    Attributes:
        places: Of the pictures in the test set.
        originals: 8-bit.
        reconstructions: 8-bit, as large.
        codes: int64, one map per quantizer, each (B, codes_per_position, *grid); none where only pictures are at hand.
    """

    places: Int[Tensor, " b"]
    originals: UInt8[Tensor, "b 3 h w"]
    reconstructions: UInt8[Tensor, "b 3 h w"]
    codes: list[Int[Tensor, "b n ..."]]


def reconstructed(tokenizer: Tokenizer, batches: Batches, device: torch.device) -> Iterator[Pairs]:
    """Batches of crops through a tokenizer, rounded to 8 bits; those off its strides' grid, or too large to be taken
    whole, as `reconstruct_any` has them.

    Raises:
        ValueError: tokenizer in training mode, pictures that it cannot take, or a reconstruction that is not finite.
    """
    if tokenizer.training:
        raise ValueError("evaluate() needs the tokenizer in eval mode: call tokenizer.eval() first")
    for places, originals in batches:
        originals = originals.to(device, non_blocking=True)
        reconstructions, codes = reconstruct_any(tokenizer, fidelity.to_unit_range(originals))
        yield Pairs(places, originals, fidelity.to_uint8(reconstructions), codes)
