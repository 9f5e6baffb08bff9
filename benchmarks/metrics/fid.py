"""Fréchet distance between two sets of feature vectors (Heusel et al. 2017), from streamed float64 sums."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass
class FeatureSums:
    """What the mean and the covariance of a stream of features need; sums of parts add up to the whole's."""

    count: int
    total: Float[Tensor, " d"]
    outer: Float[Tensor, "d d"]

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

    def cpu(self) -> FeatureSums:
        return FeatureSums(self.count, self.total.cpu(), self.outer.cpu())

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
