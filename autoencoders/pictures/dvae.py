"""The backbone of DALL-E's discrete VAE: residual blocks of ReLUs without norms, max-pooling, nearest upsampling.

Ramesh et al. 2021, "Zero-Shot Text-to-Image Generation" (arXiv:2102.12092), appendix A.1; sizes and names are those of
the code that its authors published (github.com/openai/DALL-E), but for the two layers next to the quantizer. The
encoder's last convolution, which makes the logits of 8192 codes, is `quant_conv` here, and the decoder's first, whose
weights are the vectors of the codes, is `post_quant_conv`. So the authors' model is this one around
`gumbel` with `one_hot=True`, whose latent is the logits and whose output is the relaxed one-hot sample; any other
quantizer gets its own width in that place.

Its training (appendix A.2): loss logit-laplace alone, `gumbel` with kl_weight 6.6 / 192, risen to by a cosine over the
first 5,000 steps, temperature 1 to 1/16 over the first 150,000; batches of 512 for 3,000,000 steps, learning rate 1e-4
to 1.25e-6 by a cosine over the first 1,200,000, and the weights averaged with decay 0.999. Two things of it our
training does not have: it is AdamW with a weight decay of 1e-4, where ours is Adam; and the rate stays at its last
value for the 1,800,000 steps after its cosine, where ours ends with it.

Nothing bounds the latent here, and the gradient of that loss grows as the pixels' scales shrink: a codebook that learns
by gradient (`vq`) falls behind unless the loss's codebook_weight is raised, to about 10.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from autoencoders.pictures.logit_laplace import squeeze, unsqueeze
from autoencoders.pictures.sizes import BOTTLENECK, DVAEConfig
from autoencoders.tokenizer import OneMapTokenizer, TokenizerOutput, TrainableTokenizer
from quantizers import Quantizer, QuantizerOutput


def convolution(in_channels: int, out_channels: int, kernel: int) -> nn.Conv2d:
    """A convolution that keeps the sides and, at its start, the variance of its input (LeCun)."""
    layer = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


class BottleneckBlock(nn.Module):
    """x + gain · f(x): f is as many times a ReLU and a convolution as there are kernels, in a quarter of the channels.

    The shortcut is a 1 × 1 convolution where the width changes.
    """

    def __init__(self, in_channels: int, out_channels: int, kernels: tuple[int, ...], gain: float) -> None:
        super().__init__()
        self.gain = gain
        self.id_path = nn.Identity() if in_channels == out_channels else convolution(in_channels, out_channels, 1)
        widths = (in_channels, *[out_channels // BOTTLENECK] * (len(kernels) - 1), out_channels)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for index, (channels, kernel) in enumerate(zip(pairwise(widths), kernels, strict=True), start=1):
            layers[f"relu_{index}"] = nn.ReLU()
            layers[f"conv_{index}"] = convolution(*channels, kernel)
        self.res_path = nn.Sequential(layers)

    def forward(self, x: Float[Tensor, "b c_in h w"]) -> Float[Tensor, "b c_out h w"]:
        return self.id_path(x) + self.gain * self.res_path(x)


class Group(nn.Module):
    """The blocks of one level, then what changes its sides."""

    def __init__(self, blocks: Iterable[BottleneckBlock], resample: nn.Module, checkpointing: bool) -> None:
        super().__init__()
        self.checkpointing = checkpointing
        for index, block in enumerate(blocks, start=1):
            self.add_module(f"block_{index}", block)
        self.resample = resample

    def forward(self, h: Float[Tensor, "b c_in h w"]) -> Float[Tensor, "b c_out h_out w_out"]:
        recompute = self.checkpointing and torch.is_grad_enabled()
        for part in self.children():
            h = checkpoint(part, h, use_reentrant=False) if recompute else part(h)
        return h


def groups(
    config: DVAEConfig, widths: Iterable[int], kernels: tuple[int, ...], resample: nn.Module
) -> OrderedDict[str, nn.Module]:
    """A level for each width after the first, which is that of the input; `resample` between each two."""
    made: OrderedDict[str, nn.Module] = OrderedDict()
    for index, (before, width) in enumerate(pairwise(widths), start=1):
        sources = (before, *[width] * (config.blocks - 1))
        blocks = [BottleneckBlock(source, width, kernels, config.gain) for source in sources]
        last = index == len(config.multipliers)
        made[f"group_{index}"] = Group(blocks, nn.Identity() if last else resample, config.gradient_checkpointing)
    return made


class Encoder(nn.Sequential):
    """Values (B, in_channels, H, W) to features (B, width of the coarsest level, H / stride, W / stride)."""

    def __init__(self, config: DVAEConfig) -> None:
        parts: OrderedDict[str, nn.Module] = OrderedDict(input=convolution(config.in_channels, config.width, 7))
        parts |= groups(config, (config.width, *config.widths), (3, 3, 3, 1), nn.MaxPool2d(2))
        parts["relu"] = nn.ReLU()
        super().__init__(parts)


class Decoder(nn.Sequential):
    """Features (B, z_channels, h, w) to μ and log b of each pixel, (B, 2 · in_channels, h · stride, w · stride)."""

    def __init__(self, config: DVAEConfig) -> None:
        parts = groups(config, (config.z_channels, *config.widths[::-1]), (1, 3, 3, 3), nn.Upsample(scale_factor=2))
        parts["relu"] = nn.ReLU()
        parts["output"] = convolution(config.widths[0], 2 * config.in_channels, 1)
        super().__init__(parts)


class DVAE(OneMapTokenizer, TrainableTokenizer):
    """A visual tokenizer whose decoder gives each pixel a distribution (`logit_laplace`).

    Pictures are float, (B, in_channels, H, W) in [-1, 1] with sides that are multiples of `stride`; they need not have
    the config's image_size. A reconstruction is sigmoid(μ), the median of the distribution, as a picture: in
    (-1.25, 1.25), so that all of μ can be had from it.
    """

    def __init__(self, config: DVAEConfig, quantizer: Quantizer) -> None:
        super().__init__()
        self.config = config
        self.strides = (config.stride, config.stride)
        self.encoder = Encoder(config)
        self.quant_conv = convolution(config.widths[-1], quantizer.dim, 1)
        self.quantizer = quantizer
        self.post_quant_conv = convolution(quantizer.dim, config.z_channels, 1)
        self.decoder = Decoder(config)

    @property
    def last_layer(self) -> nn.Parameter:
        """Weight of the decoder's last convolution, where the adaptive GAN weight is measured."""
        return self.decoder.get_parameter("output.weight")

    def blocks(self) -> list[nn.Module]:
        """The residual blocks."""
        return [module for module in self.modules() if isinstance(module, BottleneckBlock)]

    def latent(self, images: Float[Tensor, "b c H W"]) -> Float[Tensor, "b d h w"]:
        """What the quantizer is given; ValueError on a wrong number of channels or a side off the stride's grid."""
        self._require_signal(images)
        return in_full(self.quant_conv, self.encoder(squeeze(images)))

    def distribution(
        self, quantized: Float[Tensor, "b d h w"]
    ) -> tuple[Float[Tensor, "b c H W"], Float[Tensor, "b c H W"]]:
        """μ and log b of each pixel from a quantized latent, in float32 or more."""
        made = self.decoder(in_full(self.post_quant_conv, quantized))
        location, log_scale = made.to(torch.promote_types(made.dtype, torch.float32)).chunk(2, dim=1)
        return location, log_scale

    def from_latent(self, quantized: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c H W"]:
        """Pictures from quantized latents; not clamped."""
        location, _ = self.distribution(quantized)
        return unsqueeze(location.sigmoid())

    def finish(self, outputs: Sequence[QuantizerOutput]) -> TokenizerOutput:
        """The reconstruction with its `log_scale`, its codes, and what the quantizer says of them."""
        location, log_scale = self.distribution(outputs[0].quantized)
        return self._output(unsqueeze(location.sigmoid()), outputs, log_scale)


def in_full(layer: nn.Conv2d, h: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
    """The layer outside autocast: the paper's mixed precision leaves out the two layers next to the codes."""
    with torch.autocast(h.device.type, enabled=False):
        return layer(h.to(layer.weight.dtype))
