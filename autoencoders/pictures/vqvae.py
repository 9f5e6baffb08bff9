"""The VQ-VAE backbone: strided convolutions, two residual blocks, and the same backwards.

van den Oord et al. 2017, "Neural Discrete Representation Learning" (arXiv:1711.00937), section 4.1.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.pictures.sizes import VQVAEConfig
from autoencoders.tokenizer import OneMapTokenizer, TrainableTokenizer
from quantizers import Quantizer


class ReluResidualBlock(nn.Module):
    """x + conv1x1(relu(conv3x3(relu(x))))."""

    def __init__(self, width: int, residual_width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, residual_width, 3, padding=1)
        self.conv2 = nn.Conv2d(residual_width, width, 1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))


class DownStack(nn.Sequential):
    """Convolutions of window 4 and stride 2, then residual blocks and a ReLU: (B, C, H, W) to (B, width, h, w)."""

    def __init__(self, in_channels: int, config: VQVAEConfig, downsamplings: int) -> None:
        width = config.width
        halvings: list[nn.Module] = []
        for index in range(downsamplings):
            halvings += [nn.ReLU()] if index else []
            halvings.append(nn.Conv2d(width if index else in_channels, width, 4, stride=2, padding=1))
        blocks = [ReluResidualBlock(width, config.residual_width) for _ in range(config.blocks)]
        super().__init__(*halvings, *blocks, nn.ReLU())


class UpStack(nn.Sequential):
    """A convolution to `width`, residual blocks, then transposed convolutions of window 4 and stride 2:
    (B, C, h, w) to (B, out_channels, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, config: VQVAEConfig, upsamplings: int) -> None:
        width = config.width
        blocks = [ReluResidualBlock(width, config.residual_width) for _ in range(config.blocks)]
        doublings: list[nn.Module] = []
        for index in range(upsamplings):
            out = out_channels if index == upsamplings - 1 else width
            doublings += [nn.ReLU(), nn.ConvTranspose2d(width, out, 4, stride=2, padding=1)]
        super().__init__(nn.Conv2d(in_channels, width, 3, padding=1), *blocks, *doublings)

    @property
    def last_layer(self) -> nn.Parameter:
        """Weight of the last transposed convolution."""
        return self[-1].get_parameter("weight")


class VQVAE(OneMapTokenizer, TrainableTokenizer):
    """A visual tokenizer of plain convolutions. Pictures are float, (B, in_channels, H, W) in [-1, 1]."""

    def __init__(self, config: VQVAEConfig, quantizer: Quantizer) -> None:
        super().__init__()
        self.config = config
        self.strides = (config.stride, config.stride)
        self.encoder = DownStack(config.in_channels, config, config.downsamplings)
        self.quant_conv = nn.Conv2d(config.width, quantizer.dim, 1)
        self.quantizer = quantizer
        self.decoder = UpStack(quantizer.dim, config.in_channels, config, config.downsamplings)
        for part in (self.encoder, self.quant_conv, self.decoder):
            part.apply(initialise)

    @property
    def last_layer(self) -> nn.Parameter:
        """Weight of the decoder's last layer."""
        return self.decoder.last_layer

    def blocks(self) -> list[nn.Module]:
        """The residual blocks."""
        return [module for module in self.modules() if isinstance(module, ReluResidualBlock)]

    def latent(self, images: Float[Tensor, "b c H W"]) -> Float[Tensor, "b d h w"]:
        """What the quantizer is given; ValueError on a wrong number of channels or a side off the stride's grid."""
        self._require_signal(images)
        return self.quant_conv(self.encoder(images))

    def from_latent(self, quantized: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c H W"]:
        """Pictures from quantized latents; not clamped."""
        return self.decoder(quantized)


def initialise(module: nn.Module) -> None:
    """Layers keep the variance of their input through the ReLU before them; residual branches start at zero."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        # of a transposed convolution each output sees 1 / stride² of the window
        seen = module.weight[0].numel() if isinstance(module, nn.Conv2d) else module.weight[:, 0].numel() / 4
        nn.init.normal_(module.weight, std=seen**-0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    if isinstance(module, ReluResidualBlock):
        nn.init.kaiming_normal_(module.conv1.weight, nonlinearity="relu")
        nn.init.zeros_(module.conv2.weight)
