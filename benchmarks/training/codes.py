"""The codes that a prior is trained on, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import torch

from benchmarks.data import training_batches
from benchmarks.data.batches import TrainingData
from benchmarks.protocols.generation.codes import CodeBatch, Encoder, of_crops
from benchmarks.training.settings import TrainConfig
from priors import CodeLayout
from priors.token_set import TokenSet


def crops(
    data: TrainingData, encoder: Encoder, train: TrainConfig, seed: int, start: int, rank: int, world_size: int
) -> Iterator[CodeBatch]:
    """Codes of the crops that a tokenizer trains on, from a step on: this process's share."""
    batches = training_batches(
        data, train.batch_size, seed, start, train.steps - start, rank, world_size, device=encoder.device
    )
    return of_crops(batches, encoder)


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
