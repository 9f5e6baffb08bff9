"""Inception Score (Salimans et al. 2016): how sure Inception is of each picture, and how unsure of all together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

SPLITS = 10

SEED = 2020
"""Of the order in which pictures are dealt out to the splits, as in torch-fidelity: they may come class by class."""


class InceptionScore(NamedTuple):
    """Mean over splits and their standard deviation."""

    mean: float
    deviation: float


def inception_score(logits: Float[Tensor, "n c"], splits: int = SPLITS) -> InceptionScore:
    """exp E KL(p(y|x) || p(y)) of each split. ValueError with fewer pictures than splits."""
    count = len(logits)
    if count < splits:
        raise ValueError(f"the Inception Score needs at least {splits} pictures, one for each split, got {count}")
    order = torch.from_numpy(np.random.RandomState(SEED).permutation(count)).to(logits.device)
    scores = []
    for split in range(splits):
        part = logits[order[split * count // splits : (split + 1) * count // splits]].double()
        log_p = part.log_softmax(1)
        log_mean = log_p.logsumexp(0) - np.log(len(part))
        scores.append((log_p.exp() * (log_p - log_mean)).sum(1).mean().exp().item())
    return InceptionScore(float(np.mean(scores)), float(np.std(scores)))
