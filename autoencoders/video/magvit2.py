"""The causal backbone of MAGVIT-v2: 3-D convolutions that look at no later frame, around any quantizer of the zoo.

Yu et al. 2023, "Language Model Beats Diffusion: Tokenizer is Key to Visual Generation" (arXiv:2310.05737), section 3.3;
Tang et al. 2024, "VidTok" (arXiv:2412.13061), for norms that look at no other frame. One model codes pictures (films
of one frame) and films, and a film's first frame as the picture that it is. It has neither the decoder's adaptive norms
nor the weights of a model for pictures to start from.
"""

from __future__ import annotations

from torch import nn

from autoencoders.pictures.layers import PositionNorm, group_norm
from autoencoders.video.layers import (
    BOTH,
    POINT,
    SPACE,
    TIME,
    CausalConv3d,
    PerFrame,
    ResidualBlock,
    ShuffleDown,
    Upsample,
)
from autoencoders.video.sizes import MAGVIT2Config
from autoencoders.video.tokenizer import FilmTokenizer
from quantizers import Quantizer

IN_BLOCKS = {"3d": (BOTH, BOTH), "2d+1d": (SPACE, TIME), "2d": (SPACE, SPACE)}
"""Of a residual block's two convolutions. The first of them is also that of the first and the last of all."""

BETWEEN = {"3d": BOTH, "2d+1d": BOTH, "2d": SPACE}
"""Of the other convolutions."""


def _block(config: MAGVIT2Config, width: int) -> ResidualBlock:
    norm = group_norm if config.norm == "group" else PositionNorm
    kernels = IN_BLOCKS[config.convolutions]
    halves = ((PerFrame(norm(width)), nn.SiLU(), CausalConv3d(width, width, kernel)) for kernel in kernels)
    return ResidualBlock(*(layer for half in halves for layer in half))


def _down(config: MAGVIT2Config, level: int) -> nn.Module:
    """To this level from the one before."""
    finer, width, stride = config.widths[level - 1], config.widths[level], config.strides[level - 1]
    if config.resampling == "shuffle":
        return ShuffleDown(finer, width, stride)
    return CausalConv3d(finer, width, BETWEEN[config.convolutions], stride)


def _up(config: MAGVIT2Config, level: int) -> nn.Module:
    """From this level to the one before."""
    finer, width, stride = config.widths[level - 1], config.widths[level], config.strides[level - 1]
    return Upsample(width, finer, stride, POINT if config.resampling == "shuffle" else BETWEEN[config.convolutions])


def _output(config: MAGVIT2Config, width: int) -> list[nn.Module]:
    """What stands before the last convolution."""
    return [*([PerFrame(group_norm(width))] if config.norm == "group" else []), nn.SiLU()]


class Encoder(nn.Sequential):
    """Films (B, in_channels, 1 + k · time_stride, H, W) to (B, out_channels, 1 + k, h, w), sides over side_stride."""

    def __init__(self, config: MAGVIT2Config, out_channels: int) -> None:
        widths = config.widths
        levels: list[nn.Module] = []
        for level, width in enumerate(widths):
            if level:
                levels.append(_down(config, level))
            levels += [_block(config, width) for _ in range(config.blocks)]
        super().__init__(
            PerFrame(nn.PixelUnshuffle(config.stem)),
            CausalConv3d(config.block_channels, widths[0], IN_BLOCKS[config.convolutions][0]),
            *levels,
            *_output(config, widths[-1]),
            CausalConv3d(widths[-1], out_channels, POINT),
        )


class Decoder(nn.Sequential):
    """(B, in_channels, 1 + k, h, w) to films (B, config.in_channels, 1 + k · time_stride, H, W)."""

    def __init__(self, config: MAGVIT2Config, in_channels: int) -> None:
        widths = config.widths
        levels: list[nn.Module] = []
        for level, width in reversed(list(enumerate(widths))):
            levels += [_block(config, width) for _ in range(config.blocks)]
            if level:
                levels.append(_up(config, level))
        super().__init__(
            CausalConv3d(in_channels, widths[-1], BETWEEN[config.convolutions]),
            *levels,
            *_output(config, widths[0]),
            CausalConv3d(widths[0], config.block_channels, IN_BLOCKS[config.convolutions][0]),
            PerFrame(nn.PixelShuffle(config.stem)),
        )


def _initialise(module: nn.Module) -> None:
    """Convolutions keep the variance of their input (LeCun), and every residual branch starts at zero."""
    if isinstance(module, nn.Conv3d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    if isinstance(module, ResidualBlock):  # `apply` comes to a block after its convolutions
        nn.init.zeros_(module.branch[-1].get_parameter("conv.weight"))


class MAGVIT2(FilmTokenizer):
    """The tokenizer. It streams."""

    config: MAGVIT2Config

    def __init__(self, config: MAGVIT2Config, quantizer: Quantizer) -> None:
        super().__init__(config, quantizer, Encoder(config, quantizer.dim), Decoder(config, quantizer.dim))
        for part in (self.encoder, self.decoder):
            part.apply(_initialise)

    @property
    def not_streaming(self) -> str | None:
        """All sizes can stream."""
        return None

    @property
    def last_layer(self) -> nn.Parameter:
        """Weight of the decoder's last convolution."""
        return self.decoder[-2].get_parameter("conv.weight")

    def blocks(self) -> list[nn.Module]:
        """The residual blocks."""
        return [module for module in self.modules() if isinstance(module, ResidualBlock)]
