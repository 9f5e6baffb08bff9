"""The codes that a prior is trained on and measured with, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from autoencoders import Tokenizer
from benchmarks.config import TrainConfig
from benchmarks.data import Data, EvaluationData, test_batches, training_batches
from benchmarks.metrics.pictures import to_uint8, to_unit_range
from benchmarks.metrics.share import full_float32
from priors import CodeLayout
from priors.token_set import TokenSet


class CodeBatch(NamedTuple):
    """Tokens of pictures, (B, positions, depth), and their classes where they have some."""

    tokens: Int64[Tensor, "b p d"]
    labels: Int64[Tensor, b] | None = None


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


def crops(
    data: Data, encoder: Encoder, train: TrainConfig, seed: int, start: int, rank: int, world_size: int
) -> Iterator[CodeBatch]:
    """Codes of the crops that a tokenizer trains on, from a step on: this process's share."""
    batches = training_batches(
        data, train.batch_size, seed, start, train.steps - start, rank, world_size, device=encoder.device
    )
    return (CodeBatch(encoder.tokens(pictures)) for pictures in batches)


def centre_crops(data: EvaluationData, encoder: Encoder, batch_size: int) -> Iterator[CodeBatch]:
    """Codes of the protocol's crop of every picture."""
    return (CodeBatch(encoder.tokens(pictures)) for _, pictures in test_batches(data, batch_size))


def shuffled(
    codes: TokenSet, layout: CodeLayout, train: TrainConfig, seed: int, start: int, rank: int, world_size: int
) -> Iterator[CodeBatch]:
    """Codes of a token set, each once in an epoch in an order of its own, from a step on: this process's share."""

    @lru_cache(maxsize=2)  # a batch may lie in two
    def order(epoch: int) -> list[int]:
        return torch.randperm(len(codes), generator=torch.Generator().manual_seed(seed * 4096 + epoch)).tolist()

    for step in range(start, train.steps):
        places = range(step * train.batch_size, (step + 1) * train.batch_size)[rank::world_size]
        indices = torch.tensor([order(place // len(codes))[place % len(codes)] for place in places])
        yield CodeBatch(layout.to_tokens(codes.codes(indices)), codes.labels(indices))


def in_order(codes: TokenSet, layout: CodeLayout, batch_size: int) -> Iterator[CodeBatch]:
    """Codes of all pictures of a token set."""
    return (CodeBatch(layout.to_tokens(maps), labels) for maps, labels in codes.batches(batch_size))
