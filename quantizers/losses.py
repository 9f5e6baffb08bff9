"""The terms that codebook methods add to a loss."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def mean_squared_error(a: Float[Tensor, "n d"], b: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Mean of (a - b)^2 over all elements; 0 for an empty batch, where a plain mean is NaN."""
    return F.mse_loss(a, b, reduction="sum") / max(a.numel(), 1)


def orthogonality(vectors: Float[Tensor, "k d"]) -> Float[Tensor, ""]:
    """|E E^T - I|^2 / K^2 for the unit vectors E of a codebook: how far they are from being orthogonal to each
    other (Shin et al. 2021, arXiv:2112.00384, eq. 4).

    From the D x D matrix E^T E, which has the same norm as the K x K one: |E E^T - I|^2 = |E^T E|^2 - 2 |E|^2 + K.
    """
    size = vectors.shape[0]
    unit = F.normalize(vectors, dim=1)
    return ((unit.T @ unit).square().sum() - 2 * unit.square().sum() + size) / size**2
