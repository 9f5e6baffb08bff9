"""What the backbones for sound have in common: convolutions to a row of latents, a quantizer, and convolutions back."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from autoencoders.audio.convolutions import Conv1d
from autoencoders.audio.sizes import CodecConfig, LevelsConfig
from autoencoders.tokenizer import OneMapTokenizer, TrainableTokenizer
from quantizers import Quantizer


class ConvolutionalCodec(OneMapTokenizer, TrainableTokenizer):
    """An audio tokenizer: sounds to a row of codes and back.

    The last convolution of the encoder leads to the quantizer's own number of channels and the first of the decoder
    from there, so that any quantizer fits. Sounds are float, (B, in_channels, T) in [-1, 1] at the config's sample
    rate, with T a multiple of the config's `stride`.

    Attributes:
        encoder_class: What the encoder is made of, by config and the channels of the latents.
        decoder_class: Likewise; its last convolution is the last but one of its parts.
        unit_class: Of its residual units.
    """

    encoder_class: ClassVar[type[Any]]
    decoder_class: ClassVar[type[Any]]
    unit_class: ClassVar[type[nn.Module]]

    def __init__(self, config: CodecConfig, quantizer: Quantizer) -> None:
        super().__init__()
        self.config = config
        self.strides = (config.stride,)
        self.encoder = self.encoder_class(config, quantizer.dim)
        self.quantizer = quantizer
        self.decoder = self.decoder_class(config, quantizer.dim)
        if isinstance(config, LevelsConfig) and config.start == "variance":
            keep_variance(self.encoder)
            keep_variance(self.decoder)

    @property
    def last_layer(self) -> nn.Parameter:
        """What is learned of the decoder's last filters; where they are weight-normed, their directions."""
        last = self.decoder[-2]
        assert isinstance(last, Conv1d)
        return last.weight

    def blocks(self) -> list[nn.Module]:
        """The residual units."""
        return [module for module in self.modules() if isinstance(module, self.unit_class)]

    def latent(self, sounds: Float[Tensor, "b c T"]) -> Float[Tensor, "b d t"]:
        """What the quantizer is given; ValueError on a wrong number of channels or a length off the stride's grid."""
        self._require_signal(sounds)
        return self.encoder(sounds)

    def from_latent(self, quantized: Float[Tensor, "b d t"]) -> Float[Tensor, "b c T"]:
        """Sounds from quantized latents; not clamped."""
        return self.decoder(quantized)


@torch.no_grad()
def keep_variance(network: nn.Module) -> None:
    """Draw the filters of all convolutions anew, from normal distributions that keep the variance of what they are
    given (He et al. 2015, arXiv:1502.01852, for linear layers)."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d):
            of_each_output = layer.stride[0] if layer.transposed else 1  # its kernel is shared out among so many
            seen = layer.in_channels // layer.groups * layer.kernel_size[0] / of_each_output
            weight = torch.randn_like(layer.weight) * seen**-0.5
            # of a weight norm the assignment sets lengths and directions
            layer.weight = weight if is_parametrized(layer) else nn.Parameter(weight)
