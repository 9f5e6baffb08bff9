"""The squared error that codebook and commitment terms are made of."""

from jaxtyping import Float
from torch import Tensor


def mean_squared_error(a: Float[Tensor, "n d"], b: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Mean of (a - b)^2 over all elements; 0 for an empty batch, where a plain mean is NaN."""
    return (a - b).square().sum() / max(a.numel(), 1)
