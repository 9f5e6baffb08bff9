"""Which picture or sound the k-th training sample shows, and where it is cropped: pure functions of the seed and of k.

So a run's samples depend neither on the number of workers or processes nor on where the run was resumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64
from torch.utils.data import Sampler

ORDER, CROP = 0, 1  # streams of random numbers: the first word of each of their seeds


class SampleKey(NamedTuple):
    """A training sample: the run's seed, the sample's number in the run, the picture or sound that it is
    of."""

    seed: int
    number: int
    item: int


@lru_cache(maxsize=8)
def epoch_order(items: int, seed: int, epoch: int) -> Int64[np.ndarray, " items"]:
    """The order in which an epoch shows the pictures or sounds."""
    return np.random.default_rng((ORDER, seed, epoch)).permutation(items)


def crop_random(key: SampleKey) -> np.random.Generator:
    """The random numbers of one sample's crop."""
    return np.random.default_rng((CROP, key.seed, key.number))


def sample_keys(items: int, seed: int, numbers: Iterable[int]) -> Iterator[SampleKey]:
    """The samples with these numbers, of a run that shows its items epoch after epoch."""
    for number in numbers:
        epoch, place = divmod(number, items)
        yield SampleKey(seed, number, int(epoch_order(items, seed, epoch)[place]))


@dataclass(frozen=True)
class TrainingSampler(Sampler[list[SampleKey]]):
    """One process's part of each of `steps` global batches, from `start_step` on.

    Global batch t holds the samples t·batch_size to (t + 1)·batch_size − 1; process `rank` of `world_size`
    takes its contiguous part. Raises ValueError where the parts would differ in size: averaging gradients
    over processes would then weight the samples unevenly.
    """

    items: int
    batch_size: int
    seed: int
    start_step: int
    steps: int
    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be divided."""
        if self.batch_size < 1 or self.batch_size % self.world_size:
            raise ValueError(
                f"a global batch of {self.batch_size} cannot be divided evenly over {self.world_size} "
                "processes: make the batch size a multiple of their number"
            )
        if self.seed < 0:
            raise ValueError(f"the seed must be 0 or more, got {self.seed}")

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[SampleKey]]:
        share = self.batch_size // self.world_size
        for step in range(self.start_step, self.start_step + self.steps):
            first = step * self.batch_size + self.rank * share
            yield list(sample_keys(self.items, self.seed, range(first, first + share)))
