"""The loss of what changes from frame to frame: a film whose frames are each right on average may still flicker."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def temporal_difference_loss(
    reconstruction: Float[Tensor, "b c T h w"], films: Float[Tensor, "b c T h w"]
) -> Float[Tensor, ""]:
    """Mean absolute difference between the changes from one frame to the next, in float32, on the films' scale; zero of
    pictures (T = 1)."""
    if films.shape[2] == 1:
        return reconstruction.new_zeros((), dtype=reconstruction.float().dtype)
    return F.l1_loss(reconstruction.float().diff(dim=2), films.float().diff(dim=2))
