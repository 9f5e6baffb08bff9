"""Adversarial losses of both players, and the weight that balances them against the reconstruction."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from quantizers.distributed import sum_over_ranks, world_size


def discriminator_loss(kind: str, real: Float[Tensor, "*real"], fake: Float[Tensor, "*fake"]) -> Float[Tensor, ""]:
    """Loss of the discriminator, from its logits on real pictures and on reconstructions: the mean of both.

    hinge (Lim & Ye 2017): max(0, 1 - real) and max(0, 1 + fake). vanilla and non-saturating (Goodfellow et
    al. 2014): the cross-entropy, softplus(-real) and softplus(fake); the two differ for the generator only.
    """
    real, fake = real.float(), fake.float()
    if kind == "hinge":
        return 0.5 * (F.relu(1 - real).mean() + F.relu(1 + fake).mean())
    if kind in ("vanilla", "non-saturating"):
        return 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    raise ValueError(f"kind must be 'hinge', 'vanilla' or 'non-saturating', got {kind!r}.")


def generator_loss(kind: str, fake: Float[Tensor, "*fake"]) -> Float[Tensor, ""]:
    """Loss of the generator, given the discriminator's logits on reconstructions.

    hinge and vanilla: -fake, as VQGAN has it for both; non-saturating: softplus(-fake), as -log D.
    """
    fake = fake.float()
    if kind in ("hinge", "vanilla"):
        return -fake.mean()
    if kind == "non-saturating":
        return F.softplus(-fake).mean()
    raise ValueError(f"kind must be 'hinge', 'vanilla' or 'non-saturating', got {kind!r}.")


# Both losses are means over millions of values: in fp16 their gradients at a pixel underflow. A power of two
# in both leaves the ratio as it is, to the bit.
_GRADIENT_SCALE = 2.0**10


def adaptive_weight(
    reconstruction_loss: Float[Tensor, ""], generator_loss: Float[Tensor, ""], last_layer: Tensor
) -> Float[Tensor, ""]:
    """λ = ‖∇reconstruction‖ / (‖∇generator‖ + 1e-4) at the last layer, clamped to [0, 1e4], detached.

    Esser et al. 2021, equation 7, with the epsilon of their code. Under torch.distributed the gradients are
    averaged over the ranks first, so that the weight is that of the whole batch and equal on all ranks: every
    rank must call.
    """
    gradients = torch.stack(
        [
            torch.autograd.grad(loss * _GRADIENT_SCALE, last_layer, retain_graph=True)[0].float().flatten()
            for loss in (reconstruction_loss, generator_loss)
        ]
    )
    (gradients,) = sum_over_ranks([gradients / world_size()])
    reconstruction, generator = gradients.norm(dim=1)
    return (reconstruction / (generator + 1e-4 * _GRADIENT_SCALE)).clamp(0, 1e4).detach()
