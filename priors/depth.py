"""The depth part of the RQ-Transformer: the tokens of one position, one after the other.

Lee et al. 2022, "Autoregressive Image Generation using Residual Quantization" (arXiv:2203.01941), section 3.2.
"""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from priors.attention import DEVIATION, LayerCache, Stack
from priors.settings import TransformerPriorConfig


class DepthPart(nn.Module):
    """A small causal transformer over a position's slots.

    It is given what the large one says of the position, then the sum of the vectors of the tokens so far, each with a
    learned vector of its slot.
    """

    def __init__(self, config: TransformerPriorConfig, layers: int, depth: int) -> None:
        super().__init__()
        self.slots = nn.Parameter(torch.randn(depth, config.width) * DEVIATION)
        self.stack = Stack(config, layers, causal=True)

    def forward(self, hidden: Float[Tensor, "b p c"], embedded: Float[Tensor, "b p d c"]) -> Float[Tensor, "b p d c"]:
        """An output for each token, from those before it."""
        contents = torch.cat([hidden.unsqueeze(2), embedded[:, :, :-1].cumsum(2)], 2) + self.slots
        out = self.stack(rearrange(contents, "b p d c -> (b p) d c"))
        return rearrange(out, "(b p) d c -> b p d c", b=len(hidden))

    def step(self, content: Float[Tensor, "b c"], slot: int, caches: list[LayerCache]) -> Float[Tensor, "b c"]:
        """The output for one slot, the earlier ones being in the caches."""
        return self.stack((content + self.slots[slot]).unsqueeze(1), None, caches, slot).squeeze(1)
