"""Layers over time and space that look at no later frame, and stream.

Yu et al. 2023 (MAGVIT-v2, arXiv:2310.05737), section 3.3: all padding in time stands before the first frame, so that
this one is coded as a picture alone is. After 1 + k · stride frames there are 1 + k positions: one for the first frame,
one for each stride of those that follow.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.streaming import State, first_state, stream

Steps = tuple[int, int]
"""In time, in frames, and along both sides, in pixels."""

BOTH, SPACE, TIME, POINT = (3, 3), (1, 3), (3, 1), (1, 1)
"""What kernels see."""


class PerFrame(nn.Module):
    """A layer of pictures on each frame by itself: (B, C, T, H, W) to (B, C2, T, H2, W2)."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c2 t h2 w2"]:
        frames = self.layer(rearrange(x, "b c t h w -> (b t) c h w"))
        return rearrange(frames, "(b t) c h w -> b c t h w", b=x.shape[0])


class CausalConv3d(nn.Module):
    """(B, in_channels, 1 + k · time, H, W) to (B, out_channels, 1 + k, H / side, W / side), zeros beyond all edges.

    Args:
        kernel: That it sees in time, and along the sides, odd.
        stride: In time, and along the sides; at most the kernel.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: Steps = (3, 3), stride: Steps = (1, 1)) -> None:
        super().__init__()
        (frames, pixels), (time, side) = kernel, stride
        self.before = frames - 1
        self.overlap = frames - time
        padding = (0, pixels // 2, pixels // 2)
        self.conv = nn.Conv3d(in_channels, out_channels, (frames, pixels, pixels), (time, side, side), padding)

    def forward(self, x: Float[Tensor, "b c T H W"]) -> Float[Tensor, "b c2 t h w"]:
        return self.conv(F.pad(x, (0, 0, 0, 0, self.before, 0)))

    def first_state(self, batch: int) -> State:
        """As many frames as it sees before the first, of a pixel that stands for all."""
        return (self.conv.weight.new_zeros(batch, self.conv.in_channels, self.before, 1, 1),)

    def stream(self, x: Float[Tensor, "b c T H W"], state: State) -> tuple[Float[Tensor, "b c2 t h w"], State]:
        """A chunk of whole strides after the last frames of the one before; the first has a frame more."""
        (before,) = state
        x = torch.cat([before.expand(-1, -1, -1, *x.shape[3:]), x], 2)
        return self.conv(x), (x[:, :, x.shape[2] - self.overlap :].clone(),)  # or the state would keep the whole chunk


class ShuffleDown(nn.Module):
    """(B, in_channels, 1 + k · time, H, W) to (B, out_channels, 1 + k, H / side, W / side): blocks of time × side ×
    side become channels, which a 1 × 1 × 1 convolution mixes. The first frame is the last of a block of its own, with
    zeros before it."""

    def __init__(self, in_channels: int, out_channels: int, stride: Steps) -> None:
        super().__init__()
        self.time, self.side = stride
        self.conv = nn.Conv3d(in_channels * self.time * self.side**2, out_channels, 1)

    def forward(self, x: Float[Tensor, "b c T H W"]) -> Float[Tensor, "b c2 t h w"]:
        return self._mixed(x, self.time - 1)

    def first_state(self, batch: int) -> State:
        """A number for each frame of zeros that is still to come."""
        return (self.conv.weight.new_zeros(batch, self.time - 1),)

    def stream(self, x: Float[Tensor, "b c T H W"], state: State) -> tuple[Float[Tensor, "b c2 t h w"], State]:
        """A chunk of whole strides; the first has a frame more."""
        (due,) = state
        return self._mixed(x, due.shape[1]), (due[:, :0],)

    def _mixed(self, x: Tensor, before: int) -> Tensor:
        x = F.pad(x, (0, 0, 0, 0, before, 0))
        x = rearrange(x, "b c (t p) (h q) (w r) -> b (c p q r) t h w", p=self.time, q=self.side, r=self.side)
        return self.conv(x)


class Upsample(nn.Module):
    """(B, in_channels, 1 + k, h, w) to (B, out_channels, 1 + k · time, h · side, w · side): a convolution makes the
    channels of blocks of time × side × side, and of the first block the last frame alone is kept.

    Args:
        kernel: That the convolution sees in time, and along the sides, odd.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: Steps, kernel: Steps = (3, 3)) -> None:
        super().__init__()
        self.time, self.side = stride
        self.conv = CausalConv3d(in_channels, out_channels * self.time * self.side**2, kernel)

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c2 T H W"]:
        return self._spread(self.conv(x))[:, :, self.time - 1 :]

    def first_state(self, batch: int) -> State:
        """That of the convolution, and a number for each frame that is still to be dropped."""
        return self.conv.first_state(batch), self.conv.conv.weight.new_zeros(batch, self.time - 1)

    def stream(self, x: Float[Tensor, "b c t h w"], state: State) -> tuple[Float[Tensor, "b c2 T H W"], State]:
        """A chunk, as `forward`."""
        of_conv, dropped = state
        y, of_conv = self.conv.stream(x, of_conv)
        return self._spread(y)[:, :, dropped.shape[1] :], (of_conv, dropped[:, :0])

    def _spread(self, x: Tensor) -> Tensor:
        return rearrange(x, "b (c p q r) t h w -> b c (t p) (h q) (w r)", p=self.time, q=self.side, r=self.side)


class ResidualBlock(nn.Module):
    """x + branch(x): (B, C, T, H, W) to the same.

    Args:
        branch: Layers in a row.
    """

    def __init__(self, *branch: nn.Module) -> None:
        super().__init__()
        self.branch = nn.Sequential(*branch)

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c t h w"]:
        return x + self.branch(x)

    def first_state(self, batch: int) -> State:
        """Those of the branch."""
        return first_state(self.branch, batch)

    def stream(self, x: Float[Tensor, "b c t h w"], state: State) -> tuple[Float[Tensor, "b c t h w"], State]:
        """A chunk, as `forward`."""
        y, state = stream(self.branch, x, state)
        return x + y, state
