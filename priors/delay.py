"""The delay pattern of MusicGen: the k-th token of a position comes k steps after its first.

Copet et al. 2023, "Simple and Controllable Music Generation" (arXiv:2306.05284), section 2.2. In one step the model
gives a token of each slot, of as many positions, and those of a position one after the other: with `d` slots, `p`
positions take p + d - 1 steps, where flattened tokens take p · d.
"""

from __future__ import annotations

import torch
from jaxtyping import Int64, Shaped
from torch import Tensor


def delayed(tokens: Int64[Tensor, "b p d"], absent: int) -> Int64[Tensor, "b s d"]:
    """Tokens as the steps have them; `absent` stands where a slot has begun no position yet, or has ended the last."""
    count, positions, depth = tokens.shape
    steps = tokens.new_full((count, positions + depth - 1, depth), absent)
    for slot in range(depth):
        steps[:, slot : slot + positions, slot] = tokens[:, :, slot]
    return steps


def undelayed(steps: Shaped[Tensor, "b s d ..."]) -> Shaped[Tensor, "b p d ..."]:
    """What the steps have of each position's slots: the reverse of `delayed`, also of logits."""
    depth = steps.shape[2]
    positions = steps.shape[1] - depth + 1
    return torch.stack([steps[:, slot : slot + positions, slot] for slot in range(depth)], 2)
