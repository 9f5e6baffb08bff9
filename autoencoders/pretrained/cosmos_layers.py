"""The layers of `cosmos`: Haar coefficients of blocks, residual blocks, attention in time, and what resamples."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.pictures import layers as pictures
from autoencoders.video.layers import POINT, SPACE, TIME, PerFrame, Steps
from autoencoders.video.vidtok_layers import CausalConv as AnyCausalConv, repeated

PATCH = 4
"""Frames, and pixels of both sides, of a block: two Haar transforms of 2."""


def _signs(like: Tensor) -> Float[Tensor, "2 2"]:
    """Of a pair's sum and of its difference."""
    return torch.tensor([[1, 1], [1, -1]], dtype=like.dtype, device=like.device)


class Haar(nn.Module):
    """(B, C, 1 + k · 4, H, W) to (B, 64 · C, 1 + k, H / 4, W / 4): two Haar transforms of blocks of 2 × 2 × 2, each
    coefficient a mean with signs, of the lowest frequency first, along time, height and width."""

    def forward(self, x: Float[Tensor, "b c T H W"]) -> Float[Tensor, "b c2 t h w"]:
        x = repeated(x, PATCH - 1)
        signs = _signs(x)
        for _ in range(2):
            x = rearrange(x, "b c (t p) (h q) (w r) -> b c t h w p q r", p=2, q=2, r=2)
            x = torch.einsum("bcthwpqr,ip,jq,kr->bijkcthw", x, signs, signs, signs).flatten(1, 4) / 8
        return x


class InverseHaar(nn.Module):
    """(B, 64 · C, 1 + k, h, w) to (B, C, 1 + k · 4, 4 · h, 4 · w): what `Haar` has the coefficients of."""

    def forward(self, x: Float[Tensor, "b c2 t h w"]) -> Float[Tensor, "b c T H W"]:
        signs = _signs(x)
        for _ in range(2):
            x = rearrange(x, "b (i j k c) t h w -> b i j k c t h w", i=2, j=2, k=2)
            x = torch.einsum("bijkcthw,ip,jq,kr->bcthwpqr", x, signs, signs, signs)
            x = rearrange(x, "b c t h w p q r -> b c (t p) (h q) (w r)")
        return x[:, :, PATCH - 1 :]


class CausalConv(AnyCausalConv):
    """A convolution of space and time, the first frame before itself and zeros beyond the sides."""

    def __init__(self, in_channels: int, out_channels: int, kernel: Steps, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, kernel, "1.1", stride)


def one_group(channels: int) -> nn.GroupNorm:
    """GroupNorm of all channels of a frame together."""
    return nn.GroupNorm(1, channels, eps=1e-6)


def space_then_time(in_channels: int, out_channels: int) -> nn.Sequential:
    """A convolution of each frame, and one of each pixel over time."""
    return nn.Sequential(CausalConv(in_channels, out_channels, SPACE), CausalConv(out_channels, out_channels, TIME))


class ResidualBlock(nn.Module):
    """x + conv2(swish(norm2(conv1(swish(norm1(x)))))), each convolution one of space and one of time; a shortcut of
    single positions where the width changes."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.norm1 = PerFrame(one_group(in_channels))
        self.conv1 = space_then_time(in_channels, out_channels)
        self.norm2 = PerFrame(one_group(out_channels))
        self.conv2 = space_then_time(out_channels, out_channels)
        self.nin_shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.nin_shortcut = CausalConv(in_channels, out_channels, POINT)

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c2 t h w"]:
        h = self.conv1(F.silu(self.norm1(x)))
        return self.nin_shortcut(x) + self.conv2(F.silu(self.norm2(h)))


class TimeAttention(nn.Module):
    """Single-head self-attention of each pixel over itself and the frames before, with a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = PerFrame(one_group(channels))
        self.q, self.k, self.v, self.proj_out = (nn.Conv3d(channels, channels, 1) for _ in range(4))

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c t h w"]:
        normed = self.norm(x)
        q, k, v = (rearrange(part(normed), "b c t h w -> (b h w) 1 t c") for part in (self.q, self.k, self.v))
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        h, w = x.shape[-2:]
        return x + self.proj_out(rearrange(attended, "(b h w) 1 t c -> b c t h w", h=h, w=w))


class SideDown(nn.Module):
    """Halves both sides: means of 2 × 2, and a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = PerFrame(pictures.Downsample(channels))

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c t h2 w2"]:
        return self.conv1(x) + F.avg_pool3d(x, (1, 2, 2))


class TimeDown(nn.Module):
    """Halves the frames, (B, C, 1 + 2 · k, H, W) to (B, C, 1 + k, H, W): means of two, and a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv2 = CausalConv(channels, channels, TIME, stride=2)

    def forward(self, x: Float[Tensor, "b c T h w"]) -> Float[Tensor, "b c t h w"]:
        x = repeated(x, 1)
        return self.conv2(x) + F.avg_pool3d(x, (2, 1, 1))


class TimeUp(nn.Module):
    """Doubles the frames after the first, (B, C, 1 + k, H, W) to (B, C, 1 + 2 · k, H, W), and adds a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = CausalConv(channels, channels, TIME)

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c T h w"]:
        x = x.repeat_interleave(2, 2)[:, :, 1:]
        return x + self.conv1(x)


class SideUp(nn.Module):
    """Doubles both sides, and adds a convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv2 = CausalConv(channels, channels, SPACE)

    def forward(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b c t H W"]:
        x = x.repeat_interleave(2, 3).repeat_interleave(2, 4)
        return x + self.conv2(x)
