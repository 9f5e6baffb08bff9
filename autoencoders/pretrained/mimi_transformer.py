"""The causal transformer of Mimi, which can stream: attention to a window of positions, with rotary embeddings.

Défossez et al. 2024, "Moshi: a speech-text foundation model for real-time dialogue" (arXiv:2410.00037), section 3.3.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int64
from torch import Tensor, nn

from autoencoders.pretrained.rotary import rotated
from autoencoders.pretrained.sizes import MimiConfig
from autoencoders.streaming import State


class Layer(nn.Module):
    """Attention and an MLP, each after a norm, scaled by channel and added: (B, t, dim) to the same."""

    def __init__(self, config: MimiConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.input_layernorm = nn.LayerNorm(config.dim)
        self.self_attn = nn.ModuleDict(
            {f"{name}_proj": nn.Linear(config.dim, config.dim, bias=False) for name in "qkvo"}
        )
        self.self_attn_layer_scale = Scale(config.dim)
        self.post_attention_layernorm = nn.LayerNorm(config.dim)
        self.mlp = nn.Sequential(
            OrderedDict(
                fc1=nn.Linear(config.dim, config.hidden_dim, bias=False),
                gelu=nn.GELU(),
                fc2=nn.Linear(config.hidden_dim, config.dim, bias=False),
            )
        )
        self.mlp_layer_scale = Scale(config.dim)

    def forward(
        self,
        x: Float[Tensor, "b t d"],
        positions: Int64[Tensor, "b t"],
        seen: Tensor,
        keys: Float[Tensor, "b h p e"],
        values: Float[Tensor, "b h p e"],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The outputs, and the keys and values given with those of these positions behind them.

        Args:
            positions: of x.
            seen: (B, 1, t, p + t), which of the p earlier positions and of these each attends to.
            keys, values: of the earlier ones, h heads of e channels.
        """
        normed = self.input_layernorm(x)
        query, key, value = (
            rearrange(self.self_attn[f"{name}_proj"](normed), "b t (h e) -> b h t e", h=self.heads) for name in "qkv"
        )
        places = positions.unsqueeze(1)
        keys, values = torch.cat([keys, rotated(key, places)], 2), torch.cat([values, value], 2)
        attended = F.scaled_dot_product_attention(rotated(query, places), keys, values, attn_mask=seen)
        attended = self.self_attn["o_proj"](rearrange(attended, "b h t e -> b t (h e)"))
        x = x + self.self_attn_layer_scale(attended)
        return x + self.mlp_layer_scale(self.mlp(self.post_attention_layernorm(x))), keys, values


class Scale(nn.Module):
    """Each channel times a learned number."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels,), 0.01))

    def forward(self, x: Float[Tensor, "*batch c"]) -> Float[Tensor, "*batch c"]:
        return self.scale * x


class Transformer(nn.Module):
    """(B, dim, t) to the same; a position attends to itself and the `context` - 1 before it."""

    def __init__(self, config: MimiConfig) -> None:
        super().__init__()
        self.context, self.heads, self.head_dim = config.context, config.heads, config.dim // config.heads
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))

    def forward(self, x: Float[Tensor, "b d t"]) -> Float[Tensor, "b d t"]:
        # chunk by chunk, so that the attention of a long sound takes no more memory than that of a short one
        state, chunks = self.first_state(len(x)), []
        for chunk in x.split(self.context, -1):
            y, state = self.stream(chunk, state)
            chunks.append(y)
        return torch.cat(chunks, -1)

    def first_state(self, batch: int) -> State:
        """How many positions there were, and of each layer the keys and values of the last ones."""
        like = next(self.parameters())
        past = like.new_zeros(batch, self.heads, self.context - 1, self.head_dim)
        met = torch.zeros(batch, dtype=torch.int64, device=like.device)
        return met, tuple((past, past) for _ in self.layers)

    def stream(self, x: Float[Tensor, "b d t"], state: State) -> tuple[Float[Tensor, "b d t"], State]:
        """A chunk, as `forward`."""
        met, pasts = state
        steps, back = torch.arange(x.shape[-1], device=x.device), self.context - 1
        positions = met.unsqueeze(1) + steps
        # of each position to those kept from before and to those of this chunk
        others = torch.arange(-back, x.shape[-1], device=x.device)
        behind = steps.unsqueeze(1) - others
        there = (met.unsqueeze(1) + others >= 0)[:, None, None]
        seen = ((behind >= 0) & (behind < self.context)) & there
        y, after = x.mT, []
        for layer, (keys, values) in zip(self.layers, pasts, strict=True):
            y, keys, values = layer(y, positions, seen, keys, values)
            after.append((keys[:, :, keys.shape[2] - back :], values[:, :, values.shape[2] - back :]))
        return y.mT, (met + x.shape[-1], tuple(after))
