"""The backbone of the Descript Audio Codec: strided convolutions and residual units with snake activations, and back.

Kumar et al. 2023, "High-Fidelity Audio Compression with Improved RVQGAN" (arXiv:2306.06546), sections 3.1 and 3.2.
A training starts from PyTorch's own weights, as theirs does. At odd strides the decoder of the published package gives
less than was encoded, and ours the whole.
"""

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.audio.codec import ConvolutionalCodec
from autoencoders.audio.convolutions import Conv1d, ConvTranspose1d
from autoencoders.audio.sizes import DACConfig

convolution = partial(Conv1d, causal=False, padding="zeros", norm="weight")
"""Of channels in, channels out and a kernel."""


class Snake(nn.Module):
    """x + sin²(αx) / α, with an α to learn for each channel: (B, channels, T) to the same.

    Liu et al. 2020, "Neural Networks Fail to Learn Periodic Functions and How to Fix It" (arXiv:2006.08195).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels, 1))

    def forward(self, x: Float[Tensor, "b c T"]) -> Float[Tensor, "b c T"]:
        return x + torch.sin(self.alpha * x).square() / (self.alpha + 1e-9)


class ResidualUnit(nn.Module):
    """x + conv1(snake(conv7_dilated(snake(x)))): (B, width, T) to the same. `groups` are those of conv7's channels."""

    def __init__(self, width: int, dilation: int, groups: int = 1) -> None:
        super().__init__()
        wide = convolution(width, width, 7, dilation=dilation, groups=groups)
        self.branch = nn.Sequential(Snake(width), wide, Snake(width), convolution(width, width, 1))

    def forward(self, x: Float[Tensor, "b c T"]) -> Float[Tensor, "b c T"]:
        return x + self.branch(x)


class Encoder(nn.Sequential):
    """Sounds (B, in_channels, T) to (B, out_channels, ⌈T / stride⌉)."""

    def __init__(self, config: DACConfig, out_channels: int) -> None:
        widths = config.widths
        levels: list[nn.Module] = []
        for level, stride in enumerate(config.strides):
            units = [ResidualUnit(widths[level], dilation) for dilation in config.dilations]
            down = convolution(widths[level], widths[level + 1], 2 * stride, stride=stride)
            levels += [*units, Snake(widths[level]), down]
        super().__init__(
            convolution(config.in_channels, widths[0], 7),
            *levels,
            Snake(widths[-1]),
            convolution(widths[-1], out_channels, 3),
        )


class Decoder(nn.Sequential):
    """(B, in_channels, t) to sounds (B, config.in_channels, t · stride), in [-1, 1]."""

    def __init__(self, config: DACConfig, in_channels: int) -> None:
        width = config.decoder_width
        levels: list[nn.Module] = []
        for stride in reversed(config.strides):
            levels += [Snake(width), ConvTranspose1d(width, width // 2, stride, causal=False, norm="weight")]
            width //= 2
            levels += [ResidualUnit(width, dilation) for dilation in config.dilations]
        super().__init__(
            convolution(in_channels, config.decoder_width, 7),
            *levels,
            Snake(width),
            convolution(width, config.in_channels, 7),
            nn.Tanh(),
        )


class DAC(ConvolutionalCodec):
    """The Descript Audio Codec's tokenizer around a quantizer; its sounds end in a tanh, between -1 and 1."""

    encoder_class, decoder_class, unit_class = Encoder, Decoder, ResidualUnit
