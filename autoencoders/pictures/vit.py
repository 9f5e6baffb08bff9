"""The ViT-VQGAN backbone: a transformer over patches, any quantizer of the zoo, a transformer back to patches.

Yu et al. 2021, "Vector-quantized Image Modeling with Improved VQGAN" (arXiv:2110.04627), section 3.1. What the paper
leaves open is as in the published network of BSQ-ViT (Zhao et al. 2024, arXiv:2406.07548): the norms before and after
the blocks, the learned positions.
"""

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.pictures.sizes import ViTConfig
from autoencoders.pictures.transformer import (
    Block,
    PatchEmbedding,
    PatchHead,
    Positions,
    Transformer,
    initialise,
    tanh_network,
)
from autoencoders.tokenizer import OneMapTokenizer, TrainableTokenizer
from quantizers import Quantizer


class Encoder(nn.Module):
    """Pictures (B, in_channels, H, W) to a feature for each patch, (B, H / stride, W / stride, width)."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.patches = PatchEmbedding(config)
        self.positions = Positions(config.side, config.width)
        self.transformer = Transformer(config)
        self.head: nn.Module = tanh_network(config.width, config.width)

    def forward(self, images: Float[Tensor, "b ch H W"]) -> Float[Tensor, "b h w c"]:
        x = self.positions(self.patches(images))
        tokens = self.transformer(rearrange(x, "b h w c -> b (h w) c"))
        return self.head(rearrange(tokens, "b (h w) c -> b h w c", h=x.shape[1]))


class Decoder(nn.Module):
    """A feature for each patch, (B, h, w, width), to pictures (B, in_channels, h · stride, w · stride)."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.positions = Positions(config.side, config.width)
        self.transformer = Transformer(config)
        self.head = PatchHead(config)

    def forward(self, features: Float[Tensor, "b h w c"]) -> Float[Tensor, "b ch H W"]:
        x = self.positions(features)
        tokens = self.transformer(rearrange(x, "b h w c -> b (h w) c"))
        return self.head(rearrange(tokens, "b (h w) c -> b h w c", h=x.shape[1]))


class ViTTokenizer(OneMapTokenizer, TrainableTokenizer):
    """A visual tokenizer: pictures to a grid of codes and back, one code for each patch.

    The linear layers `quant_proj` and `post_quant_proj` lead to and from the quantizer's own number of channels, so
    that any quantizer fits (the paper's factorized codes). Pictures are float, (B, in_channels, H, W) in [-1, 1], with
    sides that are multiples of `stride`; they need not have the config's image_size, see `Positions`.
    """

    def __init__(self, config: ViTConfig, quantizer: Quantizer) -> None:
        super().__init__()
        self.config = config
        self.strides = (config.stride, config.stride)
        self.encoder = Encoder(config)
        self.quant_proj = nn.Linear(config.width, quantizer.dim)
        self.quantizer = quantizer
        self.post_quant_proj = nn.Linear(quantizer.dim, config.width)
        self.decoder = Decoder(config)
        for part in (self.encoder, self.quant_proj, self.post_quant_proj, self.decoder):
            part.apply(initialise)

    @property
    def last_layer(self) -> nn.Parameter:
        """Weight of the layer that makes the pixels, where the adaptive GAN weight is measured."""
        return self.decoder.head.last_layer

    def latent(self, images: Float[Tensor, "b c H W"]) -> Float[Tensor, "b d h w"]:
        """What the quantizer is given; ValueError on a wrong number of channels or a side off the stride's grid."""
        self._require_signal(images)
        return rearrange(self.quant_proj(self.encoder(images)), "b h w d -> b d h w")

    def from_latent(self, quantized: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c H W"]:
        """Pictures from quantized latents; not clamped."""
        return self.decoder(self.post_quant_proj(rearrange(quantized, "b d h w -> b h w d")))

    def blocks(self) -> list[nn.Module]:
        """The transformer blocks."""
        return [module for module in self.modules() if isinstance(module, Block)]
