"""EnCodec's loss balancer: weights of losses become shares of the gradient, whatever the losses' scales.

Défossez et al. 2022, "High Fidelity Neural Audio Compression" (arXiv:2210.13438), section 3.4.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from quantizers.distributed import sum_over_ranks, world_size


class Balancer(nn.Module):
    """Gives the gradient of several losses with respect to what they all judge, each scaled to its share of it.

    Loss i has the gradient g_i; Σ λ_i / Σ λ · g_i / ⟨‖g_i‖⟩ is what the signal gets, with ⟨‖g_i‖⟩ a moving average over
    steps of the norm's mean over the batch (corrected for its start, as Adam's are). Under torch.distributed the norms
    are averaged over all ranks: every rank must call. The averages are in the state dict.

    Args:
        weights: λ of each loss that there may be; those that are given at a step share the gradient out.
        decay: Of the averages.
    """

    norms: Float[Tensor, " n"]
    seen: Float[Tensor, " n"]

    def __init__(self, weights: Mapping[str, float], decay: float = 0.999) -> None:
        super().__init__()
        if not weights or any(not weight > 0 for weight in weights.values()):
            raise ValueError(f"weights must be one or more, each above 0, got {dict(weights)}.")
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be a number from 0 to below 1, got {decay}.")
        self.weights = dict(weights)
        self.decay = decay
        self.register_buffer("norms", torch.zeros(len(weights), dtype=torch.float32))
        self.register_buffer("seen", torch.zeros(len(weights), dtype=torch.float32))

    def forward(self, losses: Mapping[str, Float[Tensor, ""]], signal: Float[Tensor, "b c T"]) -> Float[Tensor, ""]:
        """A number whose gradient is the balanced one: add to it what is not to be balanced, and call `backward`.

        The number itself means nothing.

        Args:
            losses: By name, each a function of the signal.
            signal: The reconstruction, of some example at least; the losses' gradients are taken here.

        Raises:
            ValueError: a loss without a weight, or none at all.
        """
        if not losses or not losses.keys() <= self.weights.keys():
            raise ValueError(f"losses must be some of {', '.join(self.weights)}, got {', '.join(losses) or 'none'}.")
        gradients = {name: torch.autograd.grad(loss, signal, retain_graph=True)[0] for name, loss in losses.items()}
        places = [list(self.weights).index(name) for name in losses]
        sums = torch.stack([gradient.float().flatten(1).norm(dim=1).sum() for gradient in gradients.values()])
        sums, items = sum_over_ranks([sums, sums.new_tensor([len(signal)])])
        self.norms[places] = self.norms[places] * self.decay + sums / items
        self.seen[places] = self.seen[places] * self.decay + 1
        averages = self.norms[places] / self.seen[places]
        total = sum(self.weights[name] for name in losses)
        balanced = torch.zeros_like(signal)
        for (name, gradient), average in zip(gradients.items(), averages, strict=True):
            scale = self.weights[name] / total / (average + 1e-12)
            balanced = balanced + gradient * scale.to(gradient.dtype)
        # Data-parallel training averages over ranks what is here a sum over the batch.
        return world_size() * (balanced.detach() * signal).sum()
