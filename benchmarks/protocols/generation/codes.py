"""The codes that a prior is measured with, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from autoencoders import Tokenizer
from benchmarks.data import EvaluationData, test_batches
from benchmarks.metrics.device import full_float32
from benchmarks.metrics.pictures import to_uint8, to_unit_range
from priors import CodeLayout
from priors.token_set import TokenSet


class CodeBatch(NamedTuple):
    """Tokens of pictures, (B, positions, depth), and their classes where they have some."""

    tokens: Int64[Tensor, "b p d"]
    labels: Int64[Tensor, " b"] | None = None


@dataclass(frozen=True)
class Encoder:
    """A tokenizer and the layout of its codes, on the device of the tokenizer."""

    tokenizer: Tokenizer
    layout: CodeLayout
    device: torch.device

    @torch.no_grad()
    def tokens(self, pictures: Tensor) -> Int64[Tensor, "b p d"]:
        """The tokens of 8-bit pictures."""
        with full_float32():
            return self.layout.to_tokens(self.tokenizer.encode(to_unit_range(pictures.to(self.device))))

    @torch.no_grad()
    def pictures(self, tokens: Tensor) -> Tensor:
        """The 8-bit pictures of tokens."""
        with full_float32():
            return to_uint8(self.tokenizer.decode(self.layout.to_codes(tokens)))


def centre_crops(data: EvaluationData, encoder: Encoder, batch_size: int) -> Iterator[CodeBatch]:
    """Codes of the protocol's crop of every picture."""
    return (CodeBatch(encoder.tokens(pictures)) for _, pictures in test_batches(data, batch_size))


def in_order(codes: TokenSet, layout: CodeLayout, batch_size: int) -> Iterator[CodeBatch]:
    """Codes of all pictures of a token set."""
    return (CodeBatch(layout.to_tokens(maps), labels) for maps, labels in codes.batches(batch_size))
