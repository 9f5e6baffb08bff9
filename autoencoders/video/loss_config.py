"""Terms and weights of the training loss for films, apart from the loss itself: to read them needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from autoencoders.pictures.loss_config import LossConfig
from autoencoders.ranges import Weight


@dataclass(frozen=True)
class FilmLossConfig(LossConfig):
    """Terms and weights of the loss: those of pictures, on each frame, and one of what changes between frames. The
    discriminator judges space and time together."""

    temporal_weight: Weight = 1.0
    """Weight of the mean absolute difference between the changes from frame to frame."""
