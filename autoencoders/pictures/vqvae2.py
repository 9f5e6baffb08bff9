"""The VQ-VAE-2 backbone: a coarse map of codes for the whole, a fine one for what is left to say.

Razavi et al. 2019, "Generating Diverse High-Fidelity Images with VQ-VAE-2" (arXiv:1906.00446), algorithm 1.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.pictures.sizes import VQVAE2Config
from autoencoders.pictures.vqvae import DownStack, ReluResidualBlock, UpStack, initialise
from autoencoders.tokenizer import TrainableTokenizer
from quantizers import Quantizer, QuantizerOutput


class VQVAE2(TrainableTokenizer):
    """A visual tokenizer with two maps of codes, the bottom one encoded with the top one in sight.

    Pictures are float, (B, in_channels, H, W) in [-1, 1], with sides that are multiples of `stride`, which is the top
    map's.
    """

    maps = ("top", "bottom")

    def __init__(self, config: VQVAE2Config, top: Quantizer, bottom: Quantizer) -> None:
        super().__init__()
        self.config = config
        self.strides = (config.stride, config.stride)
        width = config.width
        self.bottom_encoder = DownStack(config.in_channels, config, config.downsamplings)
        self.top_encoder = DownStack(width, config, config.top_downsamplings)
        self.top_quant_conv = nn.Conv2d(width, top.dim, 1)
        self.top_quantizer = top
        self.top_decoder = UpStack(top.dim, width, config, config.top_downsamplings)
        self.bottom_quant_conv = nn.Conv2d(2 * width, bottom.dim, 1)
        self.bottom_quantizer = bottom
        factor = 2**config.top_downsamplings
        self.top_upsample = nn.ConvTranspose2d(top.dim, top.dim, 2 * factor, stride=factor, padding=factor // 2)
        self.decoder = UpStack(top.dim + bottom.dim, config.in_channels, config, config.downsamplings)
        for part in self.children():
            if part not in (top, bottom):
                part.apply(initialise)

    @property
    def quantizers(self) -> tuple[Quantizer, ...]:
        """The top map's and the bottom map's."""
        return self.top_quantizer, self.bottom_quantizer

    @property
    def last_layer(self) -> nn.Parameter:
        """Weight of the decoder's last layer."""
        return self.decoder.last_layer

    def blocks(self) -> list[nn.Module]:
        """The residual blocks."""
        return [module for module in self.modules() if isinstance(module, ReluResidualBlock)]

    def quantize(self, images: Float[Tensor, "b c H W"]) -> list[QuantizerOutput]:
        """The outputs of both quantizers, the top one first; ValueError on pictures that do not fit."""
        self._require_signal(images)
        fine = self.bottom_encoder(images)
        top = self.top_quantizer(self.top_quant_conv(self.top_encoder(fine)))
        seen = torch.cat([self.top_decoder(top.quantized), fine], dim=1)
        return [top, self.bottom_quantizer(self.bottom_quant_conv(seen))]

    def reconstruct(self, quantized: Sequence[Float[Tensor, "b d ..."]]) -> Float[Tensor, "b c H W"]:
        """Pictures from the quantized top and bottom latents; not clamped."""
        top, bottom = quantized
        return self.decoder(torch.cat([self.top_upsample(top), bottom], dim=1))
