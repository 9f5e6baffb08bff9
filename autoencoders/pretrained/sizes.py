"""Sizes of published networks that nothing here is trained in, apart from the networks: to read them needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from autoencoders.audio.sizes import DACConfig, SEANetConfig
from autoencoders.pictures.sizes import VQGANConfig

IBQ_SIZES = VQGANConfig(blocks=4)
"""`ddconfig` of all configurations of IBQ's authors."""


@dataclass(frozen=True)
class SNACConfig(DACConfig):
    """Sizes of SNAC: DAC's, with codes at several rates, and attention at the coarsest level."""

    map_strides: tuple[int, ...] = (8, 4, 2, 1)
    """Positions of the latents that a code of each map stands for, coarsest first."""
    attention_window: int | None = 32
    """Consecutive positions that attend to each other, in encoder and decoder; None for no attention."""

    @property
    def grid(self) -> int:
        """Samples that the length of a sound must be a multiple of: whole codes of all maps, and whole windows."""
        return self.stride * math.lcm(*self.map_strides, self.attention_window or 1)


MIMI_SEANET = SEANetConfig(
    width=64,
    strides=(4, 5, 6, 8),
    lstm_layers=0,
    shortcut="identity",
    latent_kernel=3,
    last_kernel=3,
    padding="zeros",
    norm="none",
)


@dataclass(frozen=True)
class MimiConfig:
    """Sizes of Mimi. The defaults are the published ones."""

    seanet: SEANetConfig = MIMI_SEANET
    """Of its convolutions."""
    dim: int = 512
    """Channels of the transformers."""
    layers: int = 8
    """Of each transformer."""
    heads: int = 8
    hidden_dim: int = 2048
    """Channels inside a layer's MLP."""
    context: int = 250
    """Positions that one attends to: itself and those before it."""
    halving: int = 2
    """Positions of the transformers for each position of the codes."""
    codes_per_position: int = 32
    """The first codes what is said, the others how it sounds."""
    codebook_size: int = 2048
    codebook_dim: int = 256
    """Channels of its vectors."""

    @property
    def stride(self) -> int:
        """Samples per position of the codes."""
        return self.seanet.stride * self.halving
