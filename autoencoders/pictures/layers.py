"""The parts of the VQGAN backbone: normalisation, residual and attention blocks, resampling.

Esser et al. 2021, "Taming Transformers for High-Resolution Image Synthesis", appendix; the layers are those
of the denoising network of Ho et al. 2020 without its time embedding. Submodules carry the names of the
published checkpoints (`norm1`, `conv1`, `nin_shortcut`, `q`, `proj_out`, ...).
"""

import math
from collections import OrderedDict
from collections.abc import Callable

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

Block = Callable[[int, int], nn.Module]
"""A residual block from one width to another."""


def group_norm(channels: int) -> nn.GroupNorm:
    """GroupNorm with eps 1e-6 and the paper's 32 groups, fewer where they would hold fewer than 4 channels.

    A group of one channel would take its mean over the picture away, and with it the picture's colour: the paper's
    narrowest layer has 128 channels, 4 to a group. So the number of groups is gcd(32, channels), halved until there
    are 4 channels to a group (or one group).
    """
    groups = math.gcd(32, channels)
    while groups > 1 and channels < 4 * groups:
        groups //= 2
    return nn.GroupNorm(groups, channels, eps=1e-6)


class PositionNorm(nn.Module):
    """Divides the channels of each position by their root mean square, and scales each channel by a weight
    (Zhang and Sennrich 2019, arXiv:1910.07467)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-6) * self.weight


class ResidualBlock(nn.Module):
    """x + conv(dropout(swish(norm(conv(swish(norm(x))))))), with a 1 × 1 shortcut where the width changes.

    Args:
        norm: Makes the normalisation of a number of channels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        dropout: float = 0.0,
        bias: bool = True,
        norm: Callable[[int], nn.Module] = group_norm,
    ) -> None:
        super().__init__()
        self.norm1 = norm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=bias)
        self.norm2 = norm(out_channels)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=bias)
        self.nin_shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.nin_shortcut = nn.Conv2d(in_channels, out_channels, 1, bias=bias)

    def branch(self, x: Float[Tensor, "b c_in h w"]) -> Float[Tensor, "b c_out h w"]:
        """What is added to the shortcut."""
        h = self.conv1(F.silu(self.norm1(x)))
        return self.conv2(self.dropout(F.silu(self.norm2(h))))

    def forward(self, x: Float[Tensor, "b c_in h w"]) -> Float[Tensor, "b c_out h w"]:
        return self.nin_shortcut(x) + self.branch(x)


class AttentionBlock(nn.Module):
    """Single-head self-attention over all positions, projected by 1 × 1 convolutions, with a skip.

    Args:
        norm: Makes the normalisation of a number of channels.
    """

    def __init__(self, channels: int, norm: Callable[[int], nn.Module] = group_norm) -> None:
        super().__init__()
        self.norm = norm(channels)
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        normed = self.norm(x)
        q, k, v = (rearrange(part(normed), "b c h w -> b 1 (h w) c") for part in (self.q, self.k, self.v))
        attended = F.scaled_dot_product_attention(q, k, v)  # softmax(q kᵀ / √c) v
        return x + self.proj_out(rearrange(attended, "b 1 (h w) c -> b c h w", h=x.shape[-2]))


class Downsample(nn.Module):
    """Halves both sides: a stride-2 convolution after padding with zeros at the right and the bottom only."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """Doubles both sides: nearest neighbour, then a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class ShuffleDown(nn.Module):
    """Halves both sides: blocks of 2 × 2 become channels, none of them lost, which a 1 × 1 convolution mixes."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4 * in_channels, out_channels, 1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h2 w2"]:
        return self.conv(F.pixel_unshuffle(x, 2))


class ShuffleUp(nn.Module):
    """Doubles both sides: a 1 × 1 convolution makes the channels of blocks of 2 × 2."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 4 * out_channels, 1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h2 w2"]:
        return F.pixel_shuffle(self.conv(x), 2)


def row(block: Block, in_channels: int, out_channels: int, count: int) -> nn.Sequential:
    """Blocks in a row, of which the first changes the width."""
    return nn.Sequential(*(block(out_channels if index else in_channels, out_channels) for index in range(count)))


def level(blocks: nn.Module, **resample: nn.Module) -> nn.Sequential:
    """The blocks of one resolution, and what leads to the next under its own name."""
    return nn.Sequential(OrderedDict(block=blocks, **resample))
