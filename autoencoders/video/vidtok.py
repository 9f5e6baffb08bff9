"""The backbone of VidTok: residual blocks of single frames and of time in turn, around any quantizer of the zoo.

Tang et al. 2024, "VidTok: A Versatile and Open-Source Video Tokenizer" (arXiv:2412.13061), the causal one, with the
norms and the initial values of the authors' source. The coarsest level sees space and time at once, and attends within
each frame. The network runs on whole strides of frames: the first frame is repeated until it is one. What a frame
depends on lies before it, but for the decoder of version 1.1, which interpolates between frames and so looks ahead:
version 1.0 streams, and 1.1 does not.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import nn

from autoencoders.pictures import layers as pictures
from autoencoders.pictures.layers import level, row
from autoencoders.video.layers import BOTH, TIME, PerFrame, ResidualBlock, Steps
from autoencoders.video.sizes import VidTokConfig, VidTokVersion
from autoencoders.video.tokenizer import FilmTokenizer
from autoencoders.video.vidtok_layers import CausalConv, ChannelNorm, Dropped, Repeated, TimeDown, TimeUp
from quantizers import Quantizer


def _causal_block(width: int, kernel: Steps, version: VidTokVersion) -> ResidualBlock:
    halves = ((ChannelNorm(width), nn.SiLU(), CausalConv(width, width, kernel, version)) for _ in range(2))
    return ResidualBlock(*(layer for half in halves for layer in half))


def _space_and_time(version: VidTokVersion, in_channels: int, out_channels: int) -> nn.Sequential:
    space = PerFrame(pictures.ResidualBlock(in_channels, out_channels, norm=ChannelNorm))
    time = _causal_block(out_channels, TIME, version)
    for parameter in time.branch[-1].parameters():
        nn.init.zeros_(parameter)  # at first each frame is by itself here
    return nn.Sequential(OrderedDict(space=space, time=time))


def _middle(width: int, version: VidTokVersion) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict(
            block_1=_causal_block(width, BOTH, version),
            attn_1=PerFrame(pictures.AttentionBlock(width, norm=ChannelNorm)),
            block_2=_causal_block(width, BOTH, version),
        )
    )


class Encoder(nn.Sequential):
    """Films (B, in_channels, 1 + k · time_stride, H, W) to (B, out_channels, 1 + k, h, w), sides over side_stride."""

    def __init__(self, config: VidTokConfig, out_channels: int) -> None:
        widths, version = config.widths, config.version
        block = partial(_space_and_time, version)
        levels = []
        for index, width in enumerate(widths):
            resample: dict[str, nn.Module] = {}
            if index < len(widths) - 1:
                resample["side"] = PerFrame(pictures.Downsample(width))
            if index in config.halving:
                resample["frames"] = TimeDown(width, version)
            levels.append(level(row(block, widths[max(0, index - 1)], width, config.blocks), **resample))
        super().__init__(
            OrderedDict(
                first=Repeated(config.time_stride - 1),  # a whole stride with the first frame
                conv_in=CausalConv(config.in_channels, widths[0], BOTH, version),
                down=nn.Sequential(*levels),
                mid=_middle(widths[-1], version),
                norm_out=ChannelNorm(widths[-1]),
                activation=nn.SiLU(),
                conv_out=CausalConv(widths[-1], out_channels, BOTH, version),
            )
        )


class Decoder(nn.Sequential):
    """(B, in_channels, 1 + k, h, w) to films (B, config.in_channels, 1 + k · time_stride, H, W)."""

    def __init__(self, config: VidTokConfig, in_channels: int) -> None:
        widths, version = config.widths, config.version
        block = partial(_space_and_time, version)
        first, levels = 1, OrderedDict[str, nn.Module]()
        for index, width in reversed(list(enumerate(widths))):
            resample: dict[str, nn.Module] = {}
            if index:
                resample["side"] = PerFrame(pictures.Upsample(width))
            if index in config.doubling:
                resample["frames"] = TimeUp(width, version, first)
                first *= 2
            before = widths[min(index + 1, len(widths) - 1)]
            levels[str(index)] = level(row(block, before, width, config.blocks + 1), **resample)
        super().__init__(
            OrderedDict(
                conv_in=CausalConv(in_channels, widths[-1], BOTH, version),
                mid=_middle(widths[-1], version),
                up=nn.Sequential(levels),
                norm_out=ChannelNorm(widths[0]),
                activation=nn.SiLU(),
                conv_out=CausalConv(widths[0], config.in_channels, BOTH, version),
                first=Dropped(config.time_stride - 1),
            )
        )


class VidTok(FilmTokenizer):
    """The tokenizer. Version 1.0 streams."""

    config: VidTokConfig

    def __init__(self, config: VidTokConfig, quantizer: Quantizer) -> None:
        super().__init__(config, quantizer, Encoder(config, quantizer.dim), Decoder(config, quantizer.dim))

    @property
    def not_streaming(self) -> str | None:
        """Why version 1.1 cannot stream; None of 1.0."""
        return None if self.config.version == "1.0" else "the decoder of VidTok's version 1.1 looks at later frames"

    @property
    def last_layer(self) -> nn.Parameter:
        """Weight of the decoder's last convolution."""
        return self.decoder.get_parameter("conv_out.conv.weight")

    def blocks(self) -> list[nn.Module]:
        """The residual and attention blocks."""
        kinds = ResidualBlock | pictures.ResidualBlock | pictures.AttentionBlock
        return [module for module in self.modules() if isinstance(module, kinds)]
