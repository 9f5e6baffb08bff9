"""The VQGAN backbone: encoder, any quantizer of the zoo, decoder.

Esser et al. 2021, "Taming Transformers for High-Resolution Image Synthesis" (arXiv:2012.09841). The structure
and the names of the submodules are those of the published checkpoints: loading one is a renaming of
`quantize` at most. Two things differ: the weights that a training starts from (`_initialise`), and the groups of
the norms in layers narrower than any published one (`layers.group_norm`).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from autoencoders.layers import AttentionBlock, Downsample, ResidualBlock, Upsample, group_norm
from autoencoders.tokenizer import OneMapTokenizer, TrainableTokenizer
from quantizers import Quantizer


@dataclass(frozen=True)
class VQGANConfig:
    """Sizes of the encoder and decoder. The defaults are the published f16 model for ImageNet."""

    image_size: int = 256
    """Side of the training pictures in pixels; attention_resolutions are counted at this size."""
    in_channels: int = 3
    """Channels of a picture."""
    width: int = 128
    """Channels at full resolution."""
    multipliers: tuple[int, ...] = (1, 1, 2, 2, 4)
    """Width of each level over `width`; each but the last halves the sides: stride = 2^(levels - 1)."""
    blocks: int = 2
    """Residual blocks of each level of the encoder; the decoder has one more."""
    attention_resolutions: tuple[int, ...] = (16,)
    """Sides, in positions at image_size, of the levels with attention after each block."""
    z_channels: int = 256
    """Channels between the encoder and quant_conv."""
    dropout: float = 0.0
    """Dropout inside the residual blocks."""
    gradient_checkpointing: bool = False
    """Recompute each block in the backward pass: less memory, about a third more time."""

    def __post_init__(self) -> None:
        sizes = {
            "image_size": self.image_size,
            "in_channels": self.in_channels,
            "width": self.width,
            "blocks": self.blocks,
            "z_channels": self.z_channels,
        }
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}.")
        if not self.multipliers or min(self.multipliers) < 1:
            raise ValueError(f"multipliers must be one or more positive integers, got {self.multipliers}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must lie in [0, 1), got {self.dropout}.")
        if self.image_size % self.stride:
            raise ValueError(
                f"image_size must be a multiple of the stride {self.stride} that "
                f"{len(self.multipliers)} multipliers make, got {self.image_size}."
            )
        if unknown := set(self.attention_resolutions) - set(self.resolutions):
            raise ValueError(
                f"attention_resolutions {sorted(unknown)} occur at no level: the levels of a "
                f"{self.image_size}-pixel picture at stride {self.stride} have the sides {self.resolutions}."
            )

    @property
    def stride(self) -> int:
        """Pixels per position of the code grid, along each side."""
        return 2 ** (len(self.multipliers) - 1)

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Side of each level at image_size, finest first."""
        return tuple(self.image_size // 2**level for level in range(len(self.multipliers)))

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, finest first."""
        return tuple(self.width * multiplier for multiplier in self.multipliers)


def _run(block: nn.Module, x: Tensor, checkpointing: bool) -> Tensor:
    if checkpointing and torch.is_grad_enabled():
        return checkpoint(block, x, use_reentrant=False)
    return block(x)


class Level(nn.Module):
    """Residual blocks at one resolution, each followed by attention where the level has it."""

    def __init__(self, config: VQGANConfig, level: int, in_channels: int, blocks: int) -> None:
        super().__init__()
        width = config.widths[level]
        attention = config.resolutions[level] in config.attention_resolutions
        self.checkpointing = config.gradient_checkpointing
        self.block = nn.ModuleList(
            ResidualBlock(width if index else in_channels, width, config.dropout) for index in range(blocks)
        )
        self.attn = nn.ModuleList(AttentionBlock(width) for _ in range(blocks if attention else 0))

    def forward(self, h: Float[Tensor, "b c_in h w"]) -> Float[Tensor, "b c_out h_out w_out"]:
        for index, block in enumerate(self.block):
            h = _run(block, h, self.checkpointing)
            if len(self.attn):
                h = _run(self.attn[index], h, self.checkpointing)
        return h


class DownLevel(Level):
    """A level of the encoder; every level but the coarsest ends by halving the sides."""

    def __init__(self, config: VQGANConfig, level: int) -> None:
        finer = config.widths[level - 1] if level else config.width
        super().__init__(config, level, in_channels=finer, blocks=config.blocks)
        coarsest = level == len(config.multipliers) - 1
        self.downsample = nn.Identity() if coarsest else Downsample(config.widths[level])

    def forward(self, h: Float[Tensor, "b c_in h w"]) -> Float[Tensor, "b c_out h_out w_out"]:
        return self.downsample(super().forward(h))


class UpLevel(Level):
    """A level of the decoder; every level but the finest ends by doubling the sides."""

    def __init__(self, config: VQGANConfig, level: int) -> None:
        coarser = config.widths[min(level + 1, len(config.multipliers) - 1)]
        super().__init__(config, level, in_channels=coarser, blocks=config.blocks + 1)
        self.upsample = Upsample(config.widths[level]) if level else nn.Identity()

    def forward(self, h: Float[Tensor, "b c_in h w"]) -> Float[Tensor, "b c_out h_out w_out"]:
        return self.upsample(super().forward(h))


class Middle(nn.Module):
    """Residual block, attention, residual block at the coarsest resolution."""

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        width = config.widths[-1]
        self.checkpointing = config.gradient_checkpointing
        self.block_1 = ResidualBlock(width, width, config.dropout)
        self.attn_1: nn.Module = AttentionBlock(width)
        self.block_2 = ResidualBlock(width, width, config.dropout)

    def forward(self, h: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        for block in (self.block_1, self.attn_1, self.block_2):
            h = _run(block, h, self.checkpointing)
        return h


class Encoder(nn.Module):
    """Pictures (B, in_channels, H, W) to features (B, z_channels, H / stride, W / stride)."""

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(config.in_channels, config.width, 3, padding=1)
        self.down = nn.ModuleList(DownLevel(config, level) for level in range(len(config.multipliers)))
        self.mid = Middle(config)
        self.norm_out = group_norm(config.widths[-1])
        self.conv_out = nn.Conv2d(config.widths[-1], config.z_channels, 3, padding=1)

    def forward(self, images: Float[Tensor, "b c H W"]) -> Float[Tensor, "b z h w"]:
        h = self.conv_in(images)
        for level in self.down:
            h = level(h)
        return self.conv_out(F.silu(self.norm_out(self.mid(h))))


class Decoder(nn.Module):
    """Features (B, z_channels, h, w) to pictures (B, in_channels, h · stride, w · stride)."""

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(config.z_channels, config.widths[-1], 3, padding=1)
        self.mid = Middle(config)
        self.up = nn.ModuleList(UpLevel(config, level) for level in range(len(config.multipliers)))
        self.norm_out = group_norm(config.widths[0])
        self.conv_out = nn.Conv2d(config.widths[0], config.in_channels, 3, padding=1)

    def forward(self, features: Float[Tensor, "b z h w"]) -> Float[Tensor, "b c H W"]:
        h = self.mid(self.conv_in(features))
        for level in reversed(self.up):
            h = level(h)
        return self.conv_out(F.silu(self.norm_out(h)))


def _initialise(module: nn.Module) -> None:
    """Convolutions keep the variance of their input (LeCun), and every residual branch starts at zero.

    The paper's code starts from PyTorch's defaults, under which the signal shrinks from layer to layer: hundreds of
    steps pass before the decoder makes use of the latent. Weights that are loaded afterwards do not care.
    """
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    # `apply` comes to a block after its convolutions.
    if isinstance(module, ResidualBlock):
        nn.init.zeros_(module.conv2.weight)
    if isinstance(module, AttentionBlock):
        nn.init.zeros_(module.proj_out.weight)


class VQGAN(OneMapTokenizer, TrainableTokenizer):
    """A visual tokenizer: pictures to a grid of codes and back.

    The 1 × 1 convolutions `quant_conv` and `post_quant_conv` lead to and from the quantizer's own number of
    channels, so that any quantizer fits. Pictures are float, (B, in_channels, H, W) in [-1, 1], with sides
    that are multiples of `stride`; they need not have the config's image_size.
    """

    def __init__(self, config: VQGANConfig, quantizer: Quantizer) -> None:
        super().__init__()
        self.config = config
        self.stride = config.stride
        self.encoder = Encoder(config)
        self.quant_conv = nn.Conv2d(config.z_channels, quantizer.dim, 1)
        self.quantizer = quantizer
        self.post_quant_conv = nn.Conv2d(quantizer.dim, config.z_channels, 1)
        self.decoder = Decoder(config)
        for part in (self.encoder, self.quant_conv, self.post_quant_conv, self.decoder):
            part.apply(_initialise)

    @property
    def last_layer(self) -> nn.Parameter:
        """Weight of the decoder's last convolution, where the adaptive GAN weight is measured."""
        return self.decoder.get_parameter("conv_out.weight")

    def blocks(self) -> list[nn.Module]:
        """The residual and attention blocks."""
        return [module for module in self.modules() if isinstance(module, ResidualBlock | AttentionBlock)]

    def latent(self, images: Float[Tensor, "b c H W"]) -> Float[Tensor, "b d h w"]:
        """What the quantizer is given; ValueError on a wrong number of channels or a side off the stride's grid."""
        self._require_pictures(images, self.config.in_channels)
        return self.quant_conv(self.encoder(images))

    def from_latent(self, quantized: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c H W"]:
        """Pictures from quantized latents; not clamped."""
        return self.decoder(self.post_quant_conv(quantized))
