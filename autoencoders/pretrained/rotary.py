"""Rotary position embedding: channels of queries and keys turned by angles that grow with the position.

Su et al. 2021, "RoFormer: Enhanced Transformer with Rotary Position Embedding" (arXiv:2104.09864).
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

BASE = 10_000
"""Channels i of the first half and of the second turn together, by position · BASE^(-2i / channels)."""


def rotated(x: Float[Tensor, "*batch t d"], positions: Int64[Tensor, "*of t"]) -> Float[Tensor, "*batch t d"]:
    """Queries or keys as at these positions, whose axes before the last are as those of x or broadcast to them."""
    channels = x.shape[-1]
    frequencies = 1.0 / BASE ** (torch.arange(0, channels, 2, device=x.device).float() / channels)
    # of float32, as published: in half precision far positions would be one
    angles = positions.unsqueeze(-1).float() * frequencies
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x.chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1)
