"""Sizes of the backbones for pictures, apart from the networks: to read them needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tyro.conf import Suppress as NoFlag

from autoencoders.ranges import PartialShare, Parts, Size, check_ranges
from quantizers.options import MAX_CHANNELS


@dataclass(frozen=True)
class VQGANConfig:
    """Sizes and parts of the encoder and decoder. The defaults are the published f16 model for ImageNet."""

    image_size: Size = 256
    """Side of the training pictures in pixels; attention_resolutions are counted at this size."""
    in_channels: NoFlag[Size] = 3
    """Channels of a picture; commands read, measure and show RGB alone."""
    stem: Size = 1
    """Side of the blocks of pixels that become channels before the first convolution, and pixels again after the
    last; 1 as published. Full resolution is where a network spends most of its time, and small pictures gain
    nothing by it."""
    width: Size = 128
    """Channels at the resolution of the stem."""
    multipliers: tuple[Size, ...] = (1, 1, 2, 2, 4)
    """Width of each level over `width`; each but the last halves the sides: stride = stem · 2^(levels - 1)."""
    blocks: Parts = 2
    """Residual blocks of each level of the encoder; the decoder has one more."""
    attention_resolutions: tuple[Size, ...] = (16,)
    """Sides, in positions at image_size, of the levels with attention after each block."""
    z_channels: Size = 256
    """Channels between the encoder and quant_conv."""
    norm: Literal["group", "rms"] = "group"
    """group: GroupNorm before each activation, as published. rms: each position by its own root mean square, and in
    residual branches alone, so that how bright and how coloured a picture is goes past them."""
    resampling: Literal["convolution", "shuffle"] = "convolution"
    """Between two levels: convolution of stride 2, and after nearest-neighbour doubling, as published; or blocks of
    2 × 2 to channels and back."""
    middle: bool = True
    """Whether the coarsest level has another residual block, attention and a residual block, as published."""
    dropout: PartialShare = 0.0
    """Dropout inside the residual blocks."""
    gradient_checkpointing: bool = False
    """Recompute each block in the backward pass: less memory, about a third more time."""

    def __post_init__(self) -> None:
        check_ranges(self)
        _require_widths(self.widths)
        if self.image_size % self.stride:
            raise ValueError(
                f"image_size must be a multiple of the stride {self.stride} that "
                f"a stem of {self.stem} and {len(self.multipliers)} multipliers make, got {self.image_size}."
            )
        if unknown := set(self.attention_resolutions) - set(self.resolutions):
            raise ValueError(
                f"attention_resolutions {sorted(unknown)} occur at no level: the levels of a "
                f"{self.image_size}-pixel picture at stride {self.stride} have the sides {self.resolutions}."
            )

    @property
    def stride(self) -> int:
        """Pixels per position of the code grid, along each side."""
        return self.stem * 2 ** (len(self.multipliers) - 1)

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Side of each level at image_size, finest first."""
        return tuple(self.image_size // (self.stem * 2**level) for level in range(len(self.multipliers)))

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, finest first."""
        return tuple(self.width * multiplier for multiplier in self.multipliers)

    @property
    def block_channels(self) -> int:
        """Channels of a picture once the stem's blocks are channels."""
        return self.in_channels * self.stem**2


@dataclass(frozen=True)
class VQVAEConfig:
    """Sizes of the encoder and decoder. The defaults are those for ImageNet by the authors' own example (sonnet's
    `vqvae_example.ipynb`); the paper's text has 256 channels in all layers."""

    image_size: Size = 128
    """Side of the training pictures in pixels."""
    in_channels: NoFlag[Size] = 3
    """Channels of a picture; commands read, measure and show RGB alone."""
    width: Size = 128
    """Channels of every layer."""
    residual_width: Size = 32
    """Channels inside the residual blocks."""
    blocks: Parts = 2
    """Residual blocks of the encoder, and of the decoder."""
    downsamplings: Parts = 2
    """Convolutions that halve the sides: stride = 2^downsamplings."""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.image_size % self.stride:
            raise ValueError(
                f"image_size must be a multiple of the stride {self.stride} that {self.downsamplings} downsamplings "
                f"make, got {self.image_size}."
            )

    @property
    def stride(self) -> int:
        """Pixels per position of the code grid, along each side."""
        return 2**self.downsamplings


@dataclass(frozen=True)
class VQVAE2Config(VQVAEConfig):
    """Sizes of the encoders and decoders. The defaults are those of rosinality's port, the one in common use: the
    paper's strides at 256 pixels, the widths of the VQ-VAE."""

    image_size: Size = 256
    """Side of the training pictures in pixels."""
    downsamplings: Parts = 2
    """Convolutions that halve the sides on the way to the bottom map."""
    top_downsamplings: Parts = 1
    """Further ones on the way to the top map."""

    @property
    def bottom_stride(self) -> int:
        """Pixels per position of the bottom map, along each side."""
        return 2**self.downsamplings

    @property
    def stride(self) -> int:
        """Pixels per position of the top map, along each side."""
        return self.bottom_stride * 2**self.top_downsamplings


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of the encoder and of the decoder, which are each other's mirror image."""

    image_size: Size = 256
    """Side of the training pictures in pixels."""
    in_channels: NoFlag[Size] = 3
    """Channels of a picture; commands read, measure and show RGB alone."""
    patch_size: Size = 8
    """Side in pixels of the square that becomes one token."""
    width: Size = 768
    """Channels of a token."""
    layers: Parts = 12
    """Transformer blocks of the encoder, and of the decoder."""
    heads: Parts = 12
    """Attention heads of a block; they share the width out."""
    gradient_checkpointing: bool = False
    """Recompute each block in the backward pass: less memory, about a third more time."""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of the {self.heads} heads, got {self.width}.")
        if self.width % 4:
            raise ValueError(f"width must be a multiple of 4, two waves for each axis, got {self.width}.")
        if self.image_size % self.patch_size:
            raise ValueError(f"image_size must be a multiple of patch_size {self.patch_size}, got {self.image_size}.")

    @property
    def stride(self) -> int:
        """What the sides of pictures must be multiples of, in pixels: the side of a patch."""
        return self.patch_size

    @property
    def side(self) -> int:
        """Patches along a side of a picture of image_size."""
        return self.image_size // self.patch_size


@dataclass(frozen=True)
class ViTConfig(TransformerConfig):
    """Sizes of the encoder and of the decoder. The defaults are the paper's base model for 256 pixels."""


@dataclass(frozen=True)
class TiTokConfig(TransformerConfig):
    """Sizes of the encoder and of the decoder. The defaults are the paper's B-64."""

    patch_size: Size = 16
    """Side in pixels of the square that becomes one token of the encoder's input and the decoder's output."""
    latent_tokens: Size = 64
    """Tokens that stand for a picture, whatever its patches."""


BOTTLENECK = 4
"""Width of a block over that of the layers inside it."""


@dataclass(frozen=True)
class DVAEConfig:
    """Sizes of the encoder and decoder. The defaults are the published model."""

    image_size: Size = 256
    """Side of the training pictures in pixels."""
    in_channels: NoFlag[Size] = 3
    """Channels of a picture; commands read, measure and show RGB alone."""
    width: Size = 256
    """Channels at full resolution."""
    multipliers: tuple[Size, ...] = (1, 2, 4, 8)
    """Width of each level over `width`; each but the last halves the sides: stride = 2^(levels - 1)."""
    blocks: Parts = 2
    """Residual blocks of each level, of the encoder and of the decoder."""
    z_channels: Size = 128
    """Channels between post_quant_conv and the decoder."""
    gradient_checkpointing: bool = False
    """Recompute each block in the backward pass: less memory, about a third more time."""

    def __post_init__(self) -> None:
        check_ranges(self)
        _require_widths(self.widths)
        if any(width % BOTTLENECK for width in self.widths):
            raise ValueError(
                f"width times each of the multipliers must be a multiple of {BOTTLENECK}, for the layers inside the "
                f"blocks have a quarter of it; got {self.widths}."
            )
        if self.image_size % self.stride:
            raise ValueError(
                f"image_size must be a multiple of the stride {self.stride} that "
                f"{len(self.multipliers)} multipliers make, got {self.image_size}."
            )

    @property
    def stride(self) -> int:
        """Pixels per position of the code grid, along each side."""
        return 2 ** (len(self.multipliers) - 1)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, finest first."""
        return tuple(self.width * multiplier for multiplier in self.multipliers)

    @property
    def gain(self) -> float:
        """What the residual branches are scaled by: 1 / (blocks of the encoder)², so that a deep one starts calm."""
        return 1 / (len(self.multipliers) * self.blocks) ** 2


PictureBackboneName = Literal["vqgan", "vqvae", "vqvae2", "vit", "1d", "dvae"]
PictureBackboneConfig = VQGANConfig | VQVAEConfig | VQVAE2Config | ViTConfig | TiTokConfig | DVAEConfig


def finest_stride(config: PictureBackboneConfig) -> int:
    """Pixels per position, along each side, of the finest code map."""
    return config.bottom_stride if isinstance(config, VQVAE2Config) else config.stride


def positions_of(config: PictureBackboneConfig) -> int:
    """Positions of all code maps of a picture of the config's image_size."""
    if isinstance(config, TiTokConfig):
        return config.latent_tokens
    strides = {finest_stride(config), config.stride}  # of the VQ-VAE-2 two
    return sum((config.image_size // stride) ** 2 for stride in strides)


def _require_widths(widths: Sequence[int]) -> None:
    if not widths or max(widths) > MAX_CHANNELS:
        raise ValueError(
            f"multipliers must be at least one, and width times each at most {MAX_CHANNELS}; got the widths {widths}."
        )
