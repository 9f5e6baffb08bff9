"""The transformer that the priors share: pre-norm blocks as in GPT-2, and the memory of past keys and values."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from priors.settings import TransformerPriorConfig

EXPANSION = 4
"""Width inside a feed-forward network over the width of a token."""

DEVIATION = 0.02
"""Of fresh weights, as in GPT-2."""


class LayerCache:
    """Keys and values of one layer for steps so far, in memory that is taken once."""

    def __init__(self, shape: tuple[int, int, int, int], dtype: torch.dtype, device: torch.device) -> None:
        self.keys = torch.empty(shape, dtype=dtype, device=device)
        self.values = torch.empty(shape, dtype=dtype, device=device)

    def extend(
        self, start: int, keys: Float[Tensor, "b h n c"], values: Float[Tensor, "b h n c"]
    ) -> tuple[Float[Tensor, "b h m c"], Float[Tensor, "b h m c"]]:
        """Write those of the steps from `start` on; views of all up to them."""
        end = start + keys.shape[2]
        self.keys[:, :, start:end] = keys
        self.values[:, :, start:end] = values
        return self.keys[:, :, :end], self.values[:, :, :end]


class Attention(nn.Module):
    """Multi-head self-attention, over all tokens or over those before and the token itself."""

    def __init__(self, config: TransformerPriorConfig, *, causal: bool) -> None:
        super().__init__()
        self.heads, self.dropout, self.causal = config.heads, config.dropout, causal
        self.in_proj = nn.Linear(config.width, 3 * config.width)
        self.out_proj = nn.Linear(config.width, config.width)

    def forward(
        self,
        x: Float[Tensor, "b n c"],
        rotation: Float[Tensor, "2 n r"] | None = None,
        cache: LayerCache | None = None,
        start: int = 0,
    ) -> Float[Tensor, "b n c"]:
        b, n, c = x.shape
        q, k, v = self.in_proj(x).view(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        if rotation is not None:
            q, k = self.turn(q, rotation), self.turn(k, rotation)
        if cache is not None:
            k, v = cache.extend(start, k, v)
        return self.out_proj(self.attend(q, k, v).transpose(1, 2).reshape(b, n, c))

    def turn(self, x: Float[Tensor, "b h n r"], rotation: Float[Tensor, "2 n c"]) -> Float[Tensor, "b h n r"]:
        """Queries or keys at their places, where those are rotations."""
        return rotate(x, rotation)

    def attend(
        self, q: Float[Tensor, "b h n r"], k: Float[Tensor, "b h m r"], v: Float[Tensor, "b h m r"]
    ) -> Float[Tensor, "b h n r"]:
        """Means of values; where it is causal queries are those of all steps, or of the last alone."""
        dropout = self.dropout if self.training else 0.0
        return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=self.causal and q.shape[2] > 1)


class Block(nn.Module):
    """x + attention(norm(x)), then x + feed-forward(norm(x)) with a GELU inside."""

    def __init__(self, config: TransformerPriorConfig, *, causal: bool) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(config.width)
        self.attention = Attention(config, causal=causal)
        self.norm_2 = nn.LayerNorm(config.width)
        self.expand = nn.Linear(config.width, EXPANSION * config.width)
        self.activation = nn.GELU()
        self.contract = nn.Linear(EXPANSION * config.width, config.width)
        self.drop = nn.Dropout(config.dropout)

    def forward(
        self,
        x: Float[Tensor, "b n c"],
        rotation: Float[Tensor, "2 n r"] | None = None,
        cache: LayerCache | None = None,
        start: int = 0,
    ) -> Float[Tensor, "b n c"]:
        x = x + self.drop(self.attention(self.norm_1(x), rotation, cache, start))
        return x + self.drop(self.contract(self.activation(self.expand(self.norm_2(x)))))


class Stack(nn.Module):
    """Blocks one after the other, and a norm at the end.

    With caches, `x` are either the first steps or the one that follows those so far, which is at `start`.
    """

    def __init__(self, config: TransformerPriorConfig, layers: int, *, causal: bool) -> None:
        super().__init__()
        blocks = [Block(config, causal=causal) for _ in range(layers)]
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(config.width)
        self.head_shape = config.heads, config.width // config.heads
        self.apply(initialise)
        for block in blocks:
            for branch in (block.attention.out_proj, block.contract):
                nn.init.normal_(branch.weight, std=DEVIATION / math.sqrt(2 * layers))

    def forward(
        self,
        x: Float[Tensor, "b n c"],
        rotation: Float[Tensor, "2 n r"] | None = None,
        caches: list[LayerCache] | None = None,
        start: int = 0,
    ) -> Float[Tensor, "b n c"]:
        for index, block in enumerate(self.blocks):
            x = block(x, rotation, None if caches is None else caches[index], start)
        return self.norm(x)

    def caches(self, batch: int, steps: int) -> list[LayerCache]:
        """Room for the keys and values of so many steps, in the precision that they come in."""
        heads, width = self.head_shape
        return layer_caches(len(self.blocks), (batch, heads, steps, width), self.norm.weight)


def layer_caches(layers: int, shape: tuple[int, int, int, int], weight: Tensor) -> list[LayerCache]:
    """Room for the keys and values of so many layers, where a weight is and in the precision that they come in."""
    kind = weight.device.type
    lowered = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    dtype = torch.get_autocast_dtype(kind) if lowered else weight.dtype
    return [LayerCache(shape, dtype, weight.device) for _ in range(layers)]


def rotate(x: Float[Tensor, "b h n c"], rotation: Float[Tensor, "2 n r"]) -> Float[Tensor, "b h n c"]:
    """Each pair of channels, of the first half and the second, as a point turned by its angle."""
    cosines, sines = rotation
    first, second = x.chunk(2, -1)
    return torch.cat([first * cosines - second * sines, second * cosines + first * sines], -1).to(x.dtype)


def initialise(module: nn.Module) -> None:
    """Normal weights of a small deviation and no bias."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=DEVIATION)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
