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


@dataclass(frozen=True)
class CosmosConfig:
    """Sizes of Cosmos' tokenizers of films. The defaults are those that all published models have."""

    strides: tuple[int, int, int]
    """Frames and pixels per position of the codes, along each axis: powers of 2, at least the 4 of a block."""
    width: int = 128
    """Channels of blocks."""
    multipliers: tuple[int, ...] = (2, 4, 4)
    """Width of each level over `width`, finest first."""
    blocks: int = 2
    """Residual blocks of each level; the decoder has one more."""
    latent: int = 16
    """Channels that encoder and decoder have for a position, of which a projection makes those of the quantizer."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, finest first."""
        return tuple(self.width * multiplier for multiplier in self.multipliers)

    @property
    def halvings_of_time(self) -> int:
        """Levels, from the finest on, from which the encoder halves the frames."""
        return int(math.log2(self.strides[0])) - 2

    @property
    def halvings_of_sides(self) -> int:
        """Levels, from the finest on, from which the encoder halves the sides."""
        return int(math.log2(self.strides[1])) - 2

    @property
    def doublings_of_time(self) -> tuple[int, ...]:
        """Levels from which the decoder doubles the frames: the one below the coarsest comes first."""
        coarsest = len(self.multipliers) - 1
        return tuple(level for level in range(1, coarsest) if coarsest - level <= self.halvings_of_time)

    @property
    def doublings_of_sides(self) -> tuple[int, ...]:
        """Levels from which it doubles the sides: with the frames, or from the coarsest on where it has more to."""
        coarsest, (time, sides) = len(self.multipliers) - 1, (self.halvings_of_time, self.halvings_of_sides)
        more = range(coarsest, coarsest - sides, -1) if sides > time else ()
        return tuple(level for level in range(1, coarsest + 1) if level in self.doublings_of_time or level in more)
