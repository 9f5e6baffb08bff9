"""What is measured of a trained prior under the generation protocol, and the pictures that it makes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from benchmarks.protocols.generation.codes import CodeBatch, Encoder
from benchmarks.protocols.generation.settings import GenerationConfig
from priors import Prior

TIMED = 3
"""Calls that a speed is the median of, after one that is not timed."""


class SamplingSpeed(NamedTuple):
    """How fast items are drawn: so many per second in batches of that size, and seconds to a single one."""

    per_second: float
    first_seconds: float
    batch_size: int


def nll_bits(prior: Prior, batches: Iterable[CodeBatch], device: torch.device) -> np.ndarray:
    """Bits of each picture's codes, or a bound above them, float64 (pictures,)."""
    generator = torch.Generator(device).manual_seed(0)
    found = []
    for tokens, labels in batches:
        nats = prior.nll(tokens.to(device), None if labels is None else labels.to(device), generator)
        found.append(nats.double().cpu().numpy() / math.log(2))
    return np.concatenate(found)


def drawn_labels(classes: Sequence[int], count: int) -> Int64[Tensor, " n"] | None:
    """The class of each picture, of so many: the given ones in turn; None where none are given."""
    return torch.tensor(classes)[torch.arange(count) % len(classes)] if classes else None


def generate(
    prior: Prior,
    encoder: Encoder,
    config: GenerationConfig,
    seed: int,
    classes: Sequence[int] = (),
    on_step: Callable[[int, int], None] = lambda done, total: None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> Iterator[Tensor]:
    """8-bit pictures, or sounds of 16 bits, a batch at a time, on the CPU.

    Args:
        classes: what pictures are of in turn, where the prior has classes.
        on_step: told how many steps of a batch are done, of how many.

    Raises:
        SamplingStopped: `stop_requested` said so.
    """
    generator = torch.Generator(encoder.device).manual_seed(seed)
    every = drawn_labels(classes, config.count)
    for start in range(0, config.count, config.batch_size):
        count = min(config.batch_size, config.count - start)
        labels = None if every is None else every[start : start + count]
        tokens = prior.sample(count, labels, config.sampling, generator, on_step=on_step, stop_requested=stop_requested)
        yield encoder.samples(tokens).cpu()


def sampling_speed(
    prior: Prior, encoder: Encoder, config: GenerationConfig, classes: Sequence[int] = ()
) -> SamplingSpeed:
    """How fast items are drawn, from the call to the items."""

    def seconds(count: int) -> float:
        times = []
        for _ in range(1 + TIMED):
            begin = _now(encoder.device)
            encoder.samples(prior.sample(count, drawn_labels(classes, count), config.sampling))
            times.append(_now(encoder.device) - begin)
        return float(np.median(times[1:]))

    batch = min(config.batch_size, config.count)
    return SamplingSpeed(batch / seconds(batch), seconds(1), batch)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
