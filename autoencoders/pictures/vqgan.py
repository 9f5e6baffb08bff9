"""The VQGAN backbone: encoder, any quantizer of the zoo, decoder.

Esser et al. 2021, "Taming Transformers for High-Resolution Image Synthesis" (arXiv:2012.09841). The structure
and the names of the submodules are those of the published checkpoints: loading one is a renaming of
`quantize` at most. Two things differ: the weights that a training starts from (`_initialise`), and the groups of
the norms in layers narrower than any published one (`layers.group_norm`).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from autoencoders.pictures.layers import (
    AttentionBlock,
    Downsample,
    PositionNorm,
    ResidualBlock,
    ShuffleDown,
    ShuffleUp,
    Upsample,
    group_norm,
)
from autoencoders.pictures.sizes import VQGANConfig
from autoencoders.tokenizer import OneMapTokenizer, TrainableTokenizer
from quantizers import Quantizer


def branch_norm(config: VQGANConfig) -> Callable[[int], nn.Module]:
    """Makes the norm of a number of channels inside a residual branch."""
    return group_norm if config.norm == "group" else PositionNorm


def output_norm(config: VQGANConfig) -> Callable[[int], nn.Module]:
    """Makes the norm before the last activation of encoder and decoder."""
    return group_norm if config.norm == "group" else nn.Identity


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
            ResidualBlock(width if index else in_channels, width, config.dropout, norm=branch_norm(config))
            for index in range(blocks)
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
        widths, shuffle = config.widths, config.resampling == "shuffle"
        finer = widths[level - 1] if level else config.width
        super().__init__(config, level, in_channels=widths[level] if level and shuffle else finer, blocks=config.blocks)
        self.downsample: nn.Module = nn.Identity()
        if level < len(widths) - 1:
            self.downsample = ShuffleDown(widths[level], widths[level + 1]) if shuffle else Downsample(widths[level])

    def forward(self, h: Float[Tensor, "b c_in h w"]) -> Float[Tensor, "b c_out h_out w_out"]:
        return self.downsample(super().forward(h))


class UpLevel(Level):
    """A level of the decoder; every level but the finest ends by doubling the sides."""

    def __init__(self, config: VQGANConfig, level: int) -> None:
        widths, shuffle = config.widths, config.resampling == "shuffle"
        coarser = widths[level if shuffle else min(level + 1, len(widths) - 1)]
        super().__init__(config, level, in_channels=coarser, blocks=config.blocks + 1)
        self.upsample: nn.Module = nn.Identity()
        if level:
            self.upsample = ShuffleUp(widths[level], widths[level - 1]) if shuffle else Upsample(widths[level])

    def forward(self, h: Float[Tensor, "b c_in h w"]) -> Float[Tensor, "b c_out h_out w_out"]:
        return self.upsample(super().forward(h))


class Middle(nn.Module):
    """Residual block, attention, residual block at the coarsest resolution."""

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        width = config.widths[-1]
        self.checkpointing = config.gradient_checkpointing
        self.block_1 = ResidualBlock(width, width, config.dropout, norm=branch_norm(config))
        self.attn_1: nn.Module = AttentionBlock(width)
        self.block_2 = ResidualBlock(width, width, config.dropout, norm=branch_norm(config))

    def forward(self, h: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        for block in (self.block_1, self.attn_1, self.block_2):
            h = _run(block, h, self.checkpointing)
        return h


class Encoder(nn.Module):
    """Pictures (B, in_channels, H, W) to features (B, z_channels, H / stride, W / stride)."""

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        self.stem = config.stem
        self.conv_in = nn.Conv2d(config.block_channels, config.width, 3, padding=1)
        self.down = nn.ModuleList(DownLevel(config, level) for level in range(len(config.multipliers)))
        self.mid: nn.Module = Middle(config) if config.middle else nn.Identity()
        self.norm_out = output_norm(config)(config.widths[-1])
        self.conv_out = nn.Conv2d(config.widths[-1], config.z_channels, 3, padding=1)

    def forward(self, images: Float[Tensor, "b c H W"]) -> Float[Tensor, "b z h w"]:
        h = self.conv_in(F.pixel_unshuffle(images, self.stem))
        for level in self.down:
            h = level(h)
        return self.conv_out(F.silu(self.norm_out(self.mid(h))))


class Decoder(nn.Module):
    """Features (B, z_channels, h, w) to pictures (B, in_channels, h · stride, w · stride)."""

    def __init__(self, config: VQGANConfig) -> None:
        super().__init__()
        self.stem = config.stem
        self.conv_in = nn.Conv2d(config.z_channels, config.widths[-1], 3, padding=1)
        self.mid: nn.Module = Middle(config) if config.middle else nn.Identity()
        self.up = nn.ModuleList(UpLevel(config, level) for level in range(len(config.multipliers)))
        self.norm_out = output_norm(config)(config.widths[0])
        self.conv_out = nn.Conv2d(config.widths[0], config.block_channels, 3, padding=1)

    def forward(self, features: Float[Tensor, "b z h w"]) -> Float[Tensor, "b c H W"]:
        h = self.mid(self.conv_in(features))
        for level in reversed(self.up):
            h = level(h)
        return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.stem)


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
        self.strides = (config.stride, config.stride)
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
        self._require_signal(images)
        return self.quant_conv(self.encoder(images))

    def from_latent(self, quantized: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c H W"]:
        """Pictures from quantized latents; not clamped."""
        return self.decoder(self.post_quant_conv(quantized))
