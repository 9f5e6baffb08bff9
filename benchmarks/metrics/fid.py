"""Fréchet distance between two sets of feature vectors (Heusel et al. 2017), from streamed float64 sums."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import torch
from jaxtyping import Float, Int, Num
from torch import Tensor

MAX_RESAMPLED = 50_000
"""The first pictures, whose features are kept for resampling: 2048 float32 numbers each."""

RESAMPLES = 20
"""Of the resamples, the first ones: each needs two covariances and two eigendecompositions."""

_ROWS_AT_ONCE = 4096


@dataclass
class FeatureSums:
    """What the mean and the covariance of a stream of features need; sums of parts add up to the whole's."""

    count: int
    total: Float[Tensor, " d"]
    outer: Float[Tensor, "d d"]

    @classmethod
    def of(cls, features: Float[Tensor, "n d"], counts: Num[Tensor, " n"]) -> FeatureSums:
        """Sums of rows, the i-th taken counts[i] times."""
        features, counts = features.double(), counts.double()
        weighted = features * counts.unsqueeze(1)
        return cls(int(counts.sum()), weighted.sum(0), weighted.T @ features)

    @classmethod
    def zeros(cls, dim: int, device: torch.device | str = "cpu") -> FeatureSums:
        """Sums of no features yet, in float64 on `device`."""
        total = torch.zeros(dim, dtype=torch.float64, device=device)
        return cls(0, total, torch.zeros(dim, dim, dtype=torch.float64, device=device))

    def update(self, features: Float[Tensor, "n d"]) -> None:
        """Add a batch of features: one matrix product."""
        features = features.to(self.total)
        self.count += len(features)
        self.total += features.sum(0)
        self.outer.addmm_(features.T, features)

    def __add__(self, other: FeatureSums) -> FeatureSums:
        return FeatureSums(self.count + other.count, self.total + other.total, self.outer + other.outer)

    def to(self, device: torch.device) -> FeatureSums:
        return FeatureSums(self.count, self.total.to(device), self.outer.to(device))

    def gaussian(self) -> tuple[Float[Tensor, " d"], Float[Tensor, "d d"]]:
        """Mean and sample covariance (divided by n - 1). Raises ValueError below two features."""
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 pictures, got {self.count}")
        mean = self.total / self.count
        return mean, (self.outer - self.count * torch.outer(mean, mean)) / (self.count - 1)


def _sqrt_psd(matrix: Float[Tensor, "d d"]) -> Float[Tensor, "d d"]:
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def frechet_distance(a: FeatureSums, b: FeatureSums) -> float:
    """||μ₁ - μ₂||² + Tr(Σ₁ + Σ₂ - 2 (Σ₁ Σ₂)^½) between the Gaussians fitted to two sets of features.

    The eigenvalues of Σ₁Σ₂ are those of the symmetric Σ₁^½ Σ₂ Σ₁^½, so that a covariance without full rank
    (fewer pictures than features) gives no complex number and no NaN; rounding below zero is taken as zero.
    """
    (mean_a, cov_a), (mean_b, cov_b) = a.gaussian(), b.gaussian()
    root = _sqrt_psd(cov_a)
    product = root @ cov_b @ root
    cross = torch.linalg.eigvalsh((product + product.T) / 2).clamp(min=0).sqrt().sum()
    distance = (mean_a - mean_b).square().sum() + cov_a.trace() + cov_b.trace() - 2 * cross
    return max(0.0, distance.item())


Blocks = Sequence[Float[Tensor, "_n d"]]
"""Rows of features, one block after the other: files may hold them, so that memory need not."""


def resampled_distances(
    a: Blocks, b: Blocks, draws: Int[np.ndarray, "r n"], device: torch.device | str = "cpu"
) -> Float[np.ndarray, " r"]:
    """The distance between two sets of paired features on each resample of the pictures, n in all blocks together."""
    rows, features = draws.shape[1], a[0].shape[1]
    distance = _distance_of_few if rows < features else _distance_of_many
    return np.array([distance(a, b, counts, device) for counts in torch.from_numpy(draws)])


def _distance_of_many(a: Blocks, b: Blocks, counts: Int[Tensor, " n"], device: torch.device | str) -> float:
    return frechet_distance(*(_weighted_sums(blocks, counts, device) for blocks in (a, b)))


def _weighted_sums(blocks: Blocks, counts: Int[Tensor, " n"], device: torch.device | str) -> FeatureSums:
    parts = zip(_equal_blocks(blocks), counts.split(_ROWS_AT_ONCE), strict=True)
    return reduce(add, (FeatureSums.of(rows.to(device), part.to(device)) for rows, part in parts))


def _equal_blocks(blocks: Blocks) -> Iterator[Float[Tensor, "_n d"]]:
    """The same rows, `_ROWS_AT_ONCE` in each block but the last: how they came decides no rounding."""
    held: list[Tensor] = []
    for block in blocks:
        while len(block):
            room = _ROWS_AT_ONCE - sum(map(len, held))
            held.append(block[:room])
            block = block[room:]
            if len(held[-1]) == room:
                yield torch.cat(held)
                held = []
    if held:
        yield torch.cat(held)


def _distance_of_few(a: Blocks, b: Blocks, counts: Int[Tensor, " n"], device: torch.device | str) -> float:
    """The same by n x n matrices: Σ = CᵀC for centred rows C over √(n - 1), and Tr (Σ₁Σ₂)^½ is the sum of the singular
    values of C₁C₂ᵀ."""
    drawn = counts > 0
    weights = counts[drawn].to(device).double().unsqueeze(1)
    total = weights.sum()
    rows = [torch.cat(list(blocks))[drawn].to(device).double() for blocks in (a, b)]
    means = [(weights * each).sum(0) / total for each in rows]
    centred = [(weights / (total - 1)).sqrt() * (each - mean) for each, mean in zip(rows, means, strict=True)]
    traces = centred[0].square().sum() + centred[1].square().sum()
    cross = torch.linalg.svdvals(centred[0] @ centred[1].T).sum()
    return max(0.0, ((means[0] - means[1]).square().sum() + traces - 2 * cross).item())
