"""A backbone between transforms: the networks see the coefficients of an MDCT and give them back.

As in MDCTCodec (Jiang et al. 2024, arXiv:2411.00464): the transform, ConvNeXt blocks, the quantizer, and the same in
reverse. The blocks are those of ConvNeXt (Liu et al. 2022, arXiv:2201.03545) along time, without the response
normalisation of its second version, whose norms over time would make a position depend on how long the sound is. Their
last layers start at zero, so that a training begins at a linear transform of the coefficients.
"""

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.audio.codec import ConvolutionalCodec
from autoencoders.audio.convolutions import Conv1d
from autoencoders.audio.mdct import MDCT
from autoencoders.audio.sizes import MDCTConfig


class Transform(nn.Module):
    """Sounds (B, channels, T) to coefficients (B, channels · block, T / block)."""

    def __init__(self, block: int) -> None:
        super().__init__()
        self.mdct = MDCT(block)

    def forward(self, x: Float[Tensor, "b c T"]) -> Float[Tensor, "b c2 t"]:
        return rearrange(self.mdct(x), "b c t n -> b (c n) t")


class InverseTransform(nn.Module):
    """The inverse of `Transform`."""

    def __init__(self, block: int) -> None:
        super().__init__()
        self.mdct = MDCT(block)

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c2 T"]:
        return self.mdct.inverse(rearrange(x, "b (c n) t -> b c t n", n=self.mdct.block))


class ConvNeXtBlock(nn.Module):
    """x + linear(gelu(linear(norm(conv_depthwise(x))))): (B, width, t) to the same; x itself at the start."""

    def __init__(self, config: MDCTConfig) -> None:
        super().__init__()
        width, hidden = config.width, config.expansion * config.width
        self.mix = _convolution(width, width, config.kernel, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)
        nn.init.zeros_(self.narrow.weight)
        nn.init.zeros_(self.narrow.bias)

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c t"]:
        return x + self.narrow(F.gelu(self.widen(self.norm(self.mix(x).mT)))).mT


class Encoder(nn.Sequential):
    """Sounds (B, in_channels, T) to (B, out_channels, T / block)."""

    def __init__(self, config: MDCTConfig, out_channels: int) -> None:
        super().__init__(
            Transform(config.block),
            _convolution(config.in_channels * config.block, config.width),
            *(ConvNeXtBlock(config) for _ in range(config.blocks)),
            _convolution(config.width, out_channels),
        )


class Decoder(nn.Sequential):
    """(B, in_channels, t) to sounds (B, config.in_channels, t · block)."""

    def __init__(self, config: MDCTConfig, in_channels: int) -> None:
        super().__init__(
            _convolution(in_channels, config.width),
            *(ConvNeXtBlock(config) for _ in range(config.blocks)),
            _convolution(config.width, config.in_channels * config.block),
            InverseTransform(config.block),
        )


def _convolution(in_channels: int, out_channels: int, kernel: int = 1, groups: int = 1) -> Conv1d:
    return Conv1d(in_channels, out_channels, kernel, groups=groups, causal=False, padding="zeros", norm="none")


class MDCTCodec(ConvolutionalCodec):
    """The tokenizer around a quantizer."""

    encoder_class, decoder_class, unit_class = Encoder, Decoder, ConvNeXtBlock
    config: MDCTConfig
