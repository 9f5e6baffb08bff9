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

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.pictures import layers as pictures
from autoencoders.pictures.layers import level, row
from autoencoders.streaming import State
from autoencoders.video.layers import PerFrame, ResidualBlock, Steps
from autoencoders.video.magvit2 import BOTH, TIME
from autoencoders.video.sizes import VidTokConfig, VidTokVersion
from autoencoders.video.tokenizer import FilmTokenizer
from quantizers import Quantizer

FIXED_SHARE = 2.0
"""Where the share of a fixed rule in resampling of time starts, before the sigmoid: at 88 %."""


class ChannelNorm(nn.LayerNorm):
    """LayerNorm of the channels of each position: (B, C, *extent) to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Float[Tensor, "b c *extent"]) -> Float[Tensor, "b c *extent"]:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def repeated(x: Float[Tensor, "b c t h w"], frames: int) -> Float[Tensor, "b c t2 h w"]:
    """With the first frame so many times more before it."""
    return F.pad(x, (0, 0, 0, 0, frames, 0), mode="replicate")


class Repeated(nn.Module):
    """The first frame of a film so many times more before it: (B, C, T, H, W) to (B, C, frames + T, H, W)."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.frames = frames

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c t2 h w"]:
        return repeated(x, self.frames)

    def first_state(self, batch: int) -> State:
        """A number for each frame that is still due."""
        return (torch.zeros(batch, self.frames),)

    def stream(self, x: Float[Tensor, "b c t h w"], state: State) -> tuple[Float[Tensor, "b c t2 h w"], State]:
        """A chunk, as `forward`."""
        (due,) = state
        return repeated(x, due.shape[1]), (due[:, :0],)


class Dropped(nn.Module):
    """A film without so many frames at its beginning: (B, C, frames + T, H, W) to (B, C, T, H, W)."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.frames = frames

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c t2 h w"]:
        return x[:, :, self.frames :]

    def first_state(self, batch: int) -> State:
        """A number for each frame that is still to be dropped."""
        return (torch.zeros(batch, self.frames),)

    def stream(self, x: Float[Tensor, "b c t h w"], state: State) -> tuple[Float[Tensor, "b c t2 h w"], State]:
        """A chunk, as `forward`."""
        (due,) = state
        return x[:, :, due.shape[1] :], (due[:, :0],)


def preceded(x: Float[Tensor, "b c t h w"], frames: int, version: VidTokVersion) -> Float[Tensor, "b c t2 h w"]:
    """With so many frames before the first."""
    return F.pad(x, (0, 0, 0, 0, frames, 0)) if version == "1.0" else repeated(x, frames)


def doubled(x: Float[Tensor, "b c t h w"], first: int, version: VidTokVersion) -> Float[Tensor, "b c t2 h w"]:
    """Twice as many frames. Between those of the first position, `first` frames here, and the others nothing is
    interpolated: the film's first frame depends on no other."""
    if version == "1.0":
        return x.repeat_interleave(2, 2)
    parts = (part for part in x.tensor_split([first], 2) if part.shape[2])
    return torch.cat([F.interpolate(part, scale_factor=(2, 1, 1), mode="trilinear") for part in parts], 2)


class CausalConv(nn.Module):
    """(B, in_channels, k · stride, H, W) to (B, out_channels, k, H, W), zeros beyond the sides.

    Args:
        kernel: That it sees in time, and along the sides, odd.
        version: What stands before the first frame.
        stride: In time.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: Steps, version: VidTokVersion, stride: int = 1
    ) -> None:
        super().__init__()
        frames, pixels = kernel
        self.version = version
        self.before = frames - stride
        padding = (0, pixels // 2, pixels // 2)
        self.conv = nn.Conv3d(in_channels, out_channels, (frames, pixels, pixels), (stride, 1, 1), padding)

    def forward(self, x: Float[Tensor, "b c T h w"]) -> Float[Tensor, "b c2 t h w"]:
        return self.conv(preceded(x, self.before, self.version))

    def first_state(self, batch: int) -> State:
        """As many frames of zeros as it sees before the first, of a pixel that stands for all: of version 1.0."""
        return (self.conv.weight.new_zeros(batch, self.conv.in_channels, self.before, 1, 1),)

    def stream(self, x: Float[Tensor, "b c T h w"], state: State) -> tuple[Float[Tensor, "b c2 t h w"], State]:
        """A chunk of whole strides after the last frames of the one before."""
        x, last = _after(x, state)
        return self.conv(x), last


class Mixed(nn.Module):
    """A share of frames resampled by a fixed rule, and the rest of it of what a convolution makes: a share that is
    learned."""

    def __init__(self, channels: int, version: VidTokVersion, stride: int) -> None:
        super().__init__()
        self.version = version
        self.conv = CausalConv(channels, channels, BOTH, version, stride)
        self.mix_factor = nn.Parameter(torch.full((1,), FIXED_SHARE))

    def mix(self, fixed: Float[Tensor, "b c t h w"], learned: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c t h w"]:
        """The two by their shares."""
        share = self.mix_factor.sigmoid()
        return share * fixed + (1 - share) * learned


class TimeDown(Mixed):
    """Halves the frames, (B, C, 2 · k, H, W) to (B, C, k, H, W): means of three, and a convolution."""

    def __init__(self, channels: int, version: VidTokVersion) -> None:
        super().__init__(channels, version, stride=2)

    def forward(self, x: Float[Tensor, "b c T h w"]) -> Float[Tensor, "b c t h w"]:
        return self.mix(self._means(preceded(x, 1, self.version)), self.conv(x))

    def first_state(self, batch: int) -> State:
        """The frame of zeros before the first of all, and what the convolution remembers."""
        conv = self.conv.conv
        return (conv.weight.new_zeros(batch, conv.in_channels, 1, 1, 1),), self.conv.first_state(batch)

    def stream(self, x: Float[Tensor, "b c T h w"], state: State) -> tuple[Float[Tensor, "b c t h w"], State]:
        """A chunk of whole strides."""
        of_means, of_conv = state
        with_before, of_means = _after(x, of_means)
        learned, of_conv = self.conv.stream(x, of_conv)
        return self.mix(self._means(with_before), learned), (of_means, of_conv)

    def _means(self, x: Float[Tensor, "b c T h w"]) -> Float[Tensor, "b c t h w"]:
        return F.avg_pool3d(x, (3, 1, 1), (2, 1, 1))


class TimeUp(Mixed):
    """Doubles the frames, (B, C, k, H, W) to (B, C, 2 · k, H, W), and a convolution on them.

    Args:
        first: Frames that the first position has become before.
    """

    def __init__(self, channels: int, version: VidTokVersion, first: int) -> None:
        super().__init__(channels, version, stride=1)
        self.first = first

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c T h w"]:
        x = doubled(x, self.first, self.version)
        return self.mix(x, self.conv(x))

    def first_state(self, batch: int) -> State:
        """What the convolution remembers."""
        return self.conv.first_state(batch)

    def stream(self, x: Float[Tensor, "b c t h w"], state: State) -> tuple[Float[Tensor, "b c T h w"], State]:
        """A chunk: of version 1.0, which doubles each frame by itself."""
        x = doubled(x, self.first, self.version)
        learned, state = self.conv.stream(x, state)
        return self.mix(x, learned), state


def _after(x: Float[Tensor, "b c T h w"], state: State) -> tuple[Float[Tensor, "b c T2 h w"], State]:
    """A chunk with the last frames before it, and as many of its own for the next."""
    (before,) = state
    x = torch.cat([before.expand(-1, -1, -1, *x.shape[3:]), x], 2)
    return x, (x[:, :, x.shape[2] - before.shape[2] :].clone(),)  # or the state would keep the whole chunk


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
