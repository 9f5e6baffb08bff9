"""Works of the statistics that a Fréchet distance needs, from a stream of features: a batch at a time, or a picture."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.metrics.fid import FeatureSums
from benchmarks.protocols.speed.names import NAIVE, OURS
from benchmarks.protocols.speed.work import Competitor, Work, random_rows

BATCH = 32
"""Pictures of an evaluation's batch, as it is by default."""


def by_batch(features: Float[Tensor, "n d"]) -> FeatureSums:
    """Count, sum and sum of outer products in float64, by one matrix product for each batch."""
    sums = FeatureSums.zeros(features.shape[1], features.device)
    for batch in features.split(BATCH):
        sums.update(batch)
    return sums


def by_picture(features: Float[Tensor, "n d"]) -> FeatureSums:
    """The same, by one outer product for each picture."""
    sums = FeatureSums.zeros(features.shape[1], features.device)
    for row in features.double():
        sums.count += 1
        sums.total += row
        sums.outer.addr_(row, row)
    return sums


def accumulation_work(n: int, d: int) -> Work:
    """Ours beside the form for single pictures."""

    def make(accumulate: Callable[[Tensor], FeatureSums]) -> Callable[[torch.device], Callable[[], FeatureSums]]:
        return lambda device: partial(accumulate, random_rows(n, d, device))

    competitors = (
        Competitor(OURS, f"FeatureSums, batches of {BATCH}", make(by_batch)),
        Competitor(f"{NAIVE}: by picture", "float64 outer products, added in place", make(by_picture)),
    )
    return Work("accumulation", "FID statistics", {"N": n, "D": d}, competitors)
