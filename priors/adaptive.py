"""Transformer blocks that see from scale to scale, and whose norms and branches are scaled and shifted by a class.

Tian et al. 2024, "Visual Autoregressive Modeling" (arXiv:2404.02905), section 4, and the authors' code for what the
paper leaves open; the adaptive norms are those of DiT (Peebles and Xie 2022, arXiv:2212.09748).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from priors.attention import DEVIATION, EXPANSION, Attention, LayerCache, initialise, layer_caches
from priors.settings import TransformerPriorConfig
from quantizers.constants import WithConstants

FIRST_SHARPNESS, MOST_SHARPNESS = 4.0, 100.0
"""What the cosine of query and key is multiplied by: at first, and at most."""


class ScaleAttention(Attention, WithConstants):
    """Multi-head self-attention by the cosine of query and key; a step sees all of its own scale and of those before.

    Args:
        cells: steps of each scale.
    """

    scales: Int64[Tensor, " n"]

    def __init__(self, config: TransformerPriorConfig, cells: Sequence[int]) -> None:
        super().__init__(config, causal=False)
        self.sharpness = nn.Parameter(torch.full((config.heads, 1, 1), math.log(FIRST_SHARPNESS)))
        self.scale_of = tuple(scale for scale, count in enumerate(cells) for _ in range(count))
        self.hold_constants(lambda: {"scales": torch.tensor(self.scale_of)})

    def attend(
        self, q: Float[Tensor, "b h n r"], k: Float[Tensor, "b h m r"], v: Float[Tensor, "b h m r"]
    ) -> Float[Tensor, "b h n r"]:
        """Means of values; the queries are those of the last steps."""
        n, m = q.shape[2], k.shape[2]
        q = F.normalize(q, dim=-1) * self.sharpness.clamp_max(math.log(MOST_SHARPNESS)).exp().to(q.dtype)
        mask = None  # of one scale alone, which sees all that there is: kernels are faster without
        if self.scale_of[m - n] != self.scale_of[m - 1]:
            mask = self.scales[m - n : m, None] >= self.scales[:m]
        dropout = self.dropout if self.training else 0.0
        return F.scaled_dot_product_attention(q, F.normalize(k, dim=-1), v, mask, dropout, scale=1.0)


class Modulation(nn.Module):
    """So many vectors for each picture: learned ones, to which a linear layer of its class's vector adds, if there are
    classes.

    Args:
        width: of a vector.
        count: of vectors.
        by_class: whether there are classes.
    """

    def __init__(self, width: int, count: int, *, by_class: bool) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.zeros(count, width))
        self.of_class = nn.Linear(width, count * width, bias=False) if by_class else None

    def forward(self, start: Float[Tensor, "b c"]) -> list[Float[Tensor, "_b 1 c"]]:
        """Each of the vectors, for all pictures alike where there are no classes."""
        vectors = self.vectors.unsqueeze(0)
        if self.of_class is not None:
            vectors = vectors + self.of_class(F.silu(start)).unflatten(1, self.vectors.shape)
        return [vector.unsqueeze(1) for vector in vectors.unbind(1)]


class AdaptiveNorm(nn.Module):
    """A layer norm whose gain, over 1, and bias are given."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)

    def forward(
        self, x: Float[Tensor, "b n c"], gain: Float[Tensor, "_b 1 c"], bias: Float[Tensor, "_b 1 c"]
    ) -> Float[Tensor, "b n c"]:
        return self.norm(x) * (1 + gain) + bias


class AdaptiveBlock(nn.Module):
    """x + gate attention(norm(x)), then x + gate feed-forward(norm(x)); gates, gains and biases come by `Modulation`.

    The gates start at 0, so that a fresh block does nothing.
    """

    def __init__(self, config: TransformerPriorConfig, cells: Sequence[int], *, by_class: bool) -> None:
        super().__init__()
        width = config.width
        self.modulation = Modulation(width, 6, by_class=by_class)
        self.norm = AdaptiveNorm(width)
        self.attention = ScaleAttention(config, cells)
        self.expand = nn.Linear(width, EXPANSION * width)
        self.contract = nn.Linear(EXPANSION * width, width)
        self.drop = nn.Dropout(config.dropout)

    def forward(
        self,
        x: Float[Tensor, "b n c"],
        start: Float[Tensor, "b c"],
        rotation: Float[Tensor, "2 n r"] | None = None,
        cache: LayerCache | None = None,
        first: int = 0,
    ) -> Float[Tensor, "b n c"]:
        gain_1, bias_1, gate_1, gain_2, bias_2, gate_2 = self.modulation(start)
        x = x + gate_1 * self.drop(self.attention(self.norm(x, gain_1, bias_1), rotation, cache, first))
        return x + gate_2 * self.drop(self.contract(F.gelu(self.expand(self.norm(x, gain_2, bias_2)))))


class AdaptiveStack(nn.Module):
    """Blocks one after the other, and an adaptive norm at the end.

    Args:
        config: sizes.
        cells: steps of each scale.
        by_class: whether there are classes.
    """

    def __init__(self, config: TransformerPriorConfig, cells: Sequence[int], *, by_class: bool) -> None:
        super().__init__()
        blocks = [AdaptiveBlock(config, cells, by_class=by_class) for _ in range(config.layers)]
        self.blocks = nn.ModuleList(blocks)
        self.modulation = Modulation(config.width, 2, by_class=by_class)
        self.norm = AdaptiveNorm(config.width)
        self.head_shape = config.heads, config.width // config.heads
        self.apply(initialise)
        for block in blocks:
            for branch in (block.attention.out_proj, block.contract):
                nn.init.normal_(branch.weight, std=DEVIATION / math.sqrt(2 * config.layers))

    def forward(
        self,
        x: Float[Tensor, "b n c"],
        start: Float[Tensor, "b c"],
        rotation: Float[Tensor, "2 n r"] | None = None,
        caches: list[LayerCache] | None = None,
        first: int = 0,
    ) -> Float[Tensor, "b n c"]:
        """With caches, `x` are the steps of one scale, or of several first ones; they begin at `first`.

        Args:
            x: what the steps are given.
            start: the vector of each picture's class.
            rotation: of these steps, where their places are rotations.
            caches: of the steps before.
            first: number of the first of these steps.
        """
        for index, block in enumerate(self.blocks):
            x = block(x, start, rotation, None if caches is None else caches[index], first)
        return self.norm(x, *self.modulation(start))

    def caches(self, batch: int, steps: int) -> list[LayerCache]:
        """Room for the keys and values of so many steps, in the precision that they come in."""
        heads, width = self.head_shape
        return layer_caches(len(self.blocks), (batch, heads, steps, width), self.modulation.vectors)
