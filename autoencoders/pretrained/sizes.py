"""Sizes of published networks that nothing here is trained in, apart from the networks: to read them needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

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


VidTokVersion = Literal["1.0", "1.1"]
"""What the layers of time do. 1.0: zeros stand before the first frame, and frames are doubled as they are. 1.1: the
first frame stands before itself, and between frames is interpolated."""


@dataclass(frozen=True)
class VidTokConfig:
    """Sizes of VidTok. The defaults are those that most of the published models have."""

    dims: int
    """Channels of a latent, of 8 levels each."""
    version: VidTokVersion
    width: int = 128
    """Channels at full resolution."""
    multipliers: tuple[int, ...] = (1, 2, 4, 4)
    """Width of each level over `width`, finest first; each but the last halves the sides."""
    halving: tuple[int, ...] = (1, 2)
    """Levels, the finest being 0, from which the encoder halves the frames, too."""
    doubling: tuple[int, ...] = (1, 2)
    """Levels from which the decoder doubles them again; as many, but not always to the same places."""
    blocks: int = 2
    """Residual blocks of each level, of space and of time in turn; the decoder has one more."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, finest first."""
        return tuple(self.width * multiplier for multiplier in self.multipliers)

    @property
    def strides(self) -> tuple[int, int, int]:
        """Frames and pixels per position of the codes, along each axis."""
        side = 2 ** (len(self.multipliers) - 1)
        return 2 ** len(self.halving), side, side
