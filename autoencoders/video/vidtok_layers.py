"""The layers of `vidtok`: causal convolutions, and what makes films coarser and finer in time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.streaming import State
from autoencoders.video.layers import BOTH, Steps
from autoencoders.video.sizes import VidTokVersion

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
