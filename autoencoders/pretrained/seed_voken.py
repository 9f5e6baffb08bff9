"""What the checkpoints of TencentARC/SEED-Voken, IBQ's and Open-MAGVIT2's, have beside a model.

Every weight has an exponential moving average beside it, under its name without the dots (`src/*/modules/ema.py`). The
authors evaluate with the averages (`evaluation_image.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

AVERAGES = "model_ema."
"""Prefix of the averages."""

OF_TRAINING = "loss"
"""How the names of the discriminator and of LPIPS begin, and those of their averages."""

COUNTERS = ("decay", "num_updates")
"""What the averages are made by."""


def evaluated(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors that the authors evaluate with, by the names of the weights: their averages, or, of a file without
    any, the weights themselves. An average that belongs to no weight keeps its name."""
    needed = {name: tensor for name, tensor in tensors.items() if not name.startswith(OF_TRAINING)}
    weights = {name: tensor for name, tensor in needed.items() if not name.startswith(AVERAGES)}
    names = {AVERAGES + name.replace(".", ""): name for name in weights}
    left_out = {AVERAGES + counter for counter in COUNTERS}
    averages = {
        names.get(name, name): tensor
        for name, tensor in needed.items()
        if name.startswith(AVERAGES) and not name.startswith(AVERAGES + OF_TRAINING) and name not in left_out
    }
    return averages or weights
