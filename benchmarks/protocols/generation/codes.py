"""The codes that a prior is measured with, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from autoencoders import Tokenizer
from benchmarks.metrics.device import full_float32
from priors import CodeLayout
from priors.token_set import TokenSet


class CodeBatch(NamedTuple):
    """Tokens of pictures or sounds, (B, positions, depth), and their classes where they have some."""

    tokens: Int64[Tensor, "b p d"]
    labels: Int64[Tensor, " b"] | None = None


@dataclass(frozen=True)
class Encoder:
    """A tokenizer and the layout of its codes, on the device of the tokenizer.

    Attributes:
        to_float: From items as the data give them to what the tokenizer takes, in [-1, 1].
        to_samples: The way back, from what it gives; not clamped yet.
    """

    tokenizer: Tokenizer
    layout: CodeLayout
    device: torch.device
    to_float: Callable[[Tensor], Tensor]
    to_samples: Callable[[Tensor], Tensor]

    @torch.no_grad()
    def tokens(self, items: Tensor) -> Int64[Tensor, "b p d"]:
        """The tokens of items as the data give them."""
        with full_float32():
            return self.layout.to_tokens(self.tokenizer.encode(self.to_float(items.to(self.device))))

    @torch.no_grad()
    def samples(self, tokens: Tensor) -> Tensor:
        """The items of tokens: 8-bit pictures, or sounds of 16 bits."""
        with full_float32():
            return self.to_samples(self.tokenizer.decode(self.layout.to_codes(tokens)))


def of_crops(crops: Iterable[Tensor], encoder: Encoder) -> Iterator[CodeBatch]:
    """Codes of batches of crops."""
    return (CodeBatch(encoder.tokens(items)) for items in crops)


def in_order(codes: TokenSet, layout: CodeLayout, batch_size: int) -> Iterator[CodeBatch]:
    """Codes of all pictures of a token set."""
    return (CodeBatch(layout.to_tokens(maps), labels) for maps, labels in codes.batches(batch_size))
