"""Vectors on the unit sphere, whatever their length was."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from quantizers.estimators import SMALLEST_NORM


def normalized(vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """Each vector divided by its norm; one shorter than `SMALLEST_NORM` by that, so that its gradient is finite."""
    return F.normalize(vectors, dim=1, eps=SMALLEST_NORM)


def normalized_any(vectors: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """The same of vectors of any length, also of those whose squares overflow: a norm of infinity would hide where they
    point. Those shorter than `SMALLEST_NORM` stay inside the sphere."""
    largest = vectors.detach().abs().amax(1, keepdim=True).clamp_min(SMALLEST_NORM)
    return normalized(vectors / largest)
