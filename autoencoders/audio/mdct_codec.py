"""A backbone between transforms: the networks see the coefficients of an MDCT and give them back.

As in MDCTCodec (Jiang et al. 2024, arXiv:2411.00464): the transform, ConvNeXt blocks, the quantizer, and the same in
reverse. The blocks are those of ConvNeXt (Liu et al. 2022, arXiv:2201.03545) along time, without the response
normalisation of its second version, whose norms over time would make a position depend on how long the sound is.

Two things are ours. A training begins at the transform itself: the last layers of the blocks are zero, and the other
layers hand their first channels on, the lowest coefficients. And what a block adds is as loud as what it is given, so
that a quiet sound comes out quiet: a norm alone would add as much to silence as to speech.
"""

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.audio.codec import ConvolutionalCodec
from autoencoders.audio.convolutions import Conv1d
from autoencoders.audio.mdct import MDCT
from autoencoders.audio.sizes import MDCTConfig

GAIN = 10.0
"""Of the coefficients: their mean square is 1 where a sound's is −20 dB of full scale, which is usual."""

QUIET = 1e-4
"""Added to the loudness of what a block is given, whose root at 0 has no gradient."""


class Transform(nn.Module):
    """Sounds (B, channels, T) to coefficients (B, block · channels, T / block), low frequencies first."""

    def __init__(self, block: int) -> None:
        super().__init__()
        self.mdct = MDCT(block)

    def forward(self, x: Float[Tensor, "b c T"]) -> Float[Tensor, "b c2 t"]:
        return rearrange(GAIN * self.mdct(x), "b c t n -> b (n c) t")


class InverseTransform(nn.Module):
    """The inverse of `Transform`."""

    def __init__(self, block: int) -> None:
        super().__init__()
        self.mdct = MDCT(block)

    def forward(self, x: Float[Tensor, "b c t"]) -> Float[Tensor, "b c2 T"]:
        return self.mdct.inverse(rearrange(x / GAIN, "b (n c) t -> b c t n", n=self.mdct.block))


class ConvNeXtBlock(nn.Module):
    """x + l · linear(gelu(linear(norm(m / l)))) of m = conv_depthwise(x), l its root mean square: (B, width, t) to the
    same; x itself at the start."""

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
        mixed = self.mix(x).mT
        loudness = mixed.square().mean(-1, keepdim=True).add(QUIET**2).sqrt()
        return x + (loudness * self.narrow(F.gelu(self.widen(self.norm(mixed / loudness))))).mT


class Encoder(nn.Sequential):
    """Sounds (B, in_channels, T) to (B, out_channels, T / block)."""

    def __init__(self, config: MDCTConfig, out_channels: int) -> None:
        super().__init__(
            Transform(config.block),
            _handing_on(config.in_channels * config.block, config.width),
            *(ConvNeXtBlock(config) for _ in range(config.blocks)),
            _handing_on(config.width, out_channels),
        )


class Decoder(nn.Sequential):
    """(B, in_channels, t) to sounds (B, config.in_channels, t · block)."""

    def __init__(self, config: MDCTConfig, in_channels: int) -> None:
        super().__init__(
            _handing_on(in_channels, config.width),
            *(ConvNeXtBlock(config) for _ in range(config.blocks)),
            _handing_on(config.width, config.in_channels * config.block),
            InverseTransform(config.block),
        )


def _convolution(in_channels: int, out_channels: int, kernel: int = 1, groups: int = 1) -> Conv1d:
    """Without biases at the start: silence is handed on as silence."""
    layer = Conv1d(in_channels, out_channels, kernel, groups=groups, causal=False, padding="zeros", norm="none")
    nn.init.zeros_(layer.get_parameter("conv.bias"))
    return layer


def _handing_on(in_channels: int, out_channels: int) -> Conv1d:
    """A linear map of each position that starts at the identity of the first channels."""
    layer = _convolution(in_channels, out_channels)
    nn.init.dirac_(layer.weight)
    return layer


class MDCTCodec(ConvolutionalCodec):
    """The tokenizer around a quantizer."""

    encoder_class, decoder_class, unit_class = Encoder, Decoder, ConvNeXtBlock
    config: MDCTConfig
