"""The TiTok backbone: a picture as a row of tokens that belong to no place in it.

Yu et al. 2024, "An Image is Worth 32 Tokens for Reconstruction and Generation" (arXiv:2406.07550). The paper's decoder
first learns to predict the codes of another tokenizer (MaskGIT's VQGAN), and pixels only in a second stage, through
that one's decoder. Here it makes pixels and everything is trained together, as its successor TA-TiTok is
(Kim et al. 2025, arXiv:2501.07730): any loss of this project can train it, and nothing published is needed.
"""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.pictures.sizes import TiTokConfig
from autoencoders.pictures.transformer import (
    Block,
    PatchEmbedding,
    PatchHead,
    Positions,
    Transformer,
    initialise,
    waves,
)
from autoencoders.tokenizer import OneMapTokenizer, TrainableTokenizer
from quantizers import Quantizer


def opposites(config: TiTokConfig) -> nn.Parameter:
    """A vector to learn for each latent token: at first the negative of that of a place, evenly over the picture.

    See `read_opposites` for what this is good for.
    """
    places = ((torch.arange(config.latent_tokens) + 0.5) / config.latent_tokens * config.side**2).long()
    return nn.Parameter(-waves(config.side, config.width).flatten(0, 1)[places])


@torch.no_grad()
def read_opposites(transformer: Transformer) -> None:
    """Let a fresh transformer's first block add to every token the content of those that are most opposite to it.

    Queries are the keys' negatives, and what is attended to is added as it is. So the encoder begins by giving each
    latent token the patch at its place, the decoder by giving each patch the latent token there; nothing holds them to
    it. Left to chance, all latent tokens begin as about the same mean of all patches, which differs so little between
    pictures that quantizing rounds it away, and training stands still for hundreds of steps.
    """
    block = next(block for block in transformer.modules() if isinstance(block, Block))
    query, key, value = block.attn.in_proj.weight.chunk(3)
    query.copy_(-key)
    nn.init.orthogonal_(value)
    block.attn.out_proj.weight.copy_(value.T)


class Encoder(nn.Module):
    """Pictures (B, in_channels, H, W) to a feature for each latent token, (B, latent_tokens, width).

    The latent tokens go through the transformer beside the patches; only what becomes of them is kept.
    """

    def __init__(self, config: TiTokConfig) -> None:
        super().__init__()
        self.patches = PatchEmbedding(config)
        self.positions = Positions(config.side, config.width)
        self.latent_tokens = opposites(config)
        self.transformer = Transformer(config)

    def forward(self, images: Float[Tensor, "b ch H W"]) -> Float[Tensor, "b k c"]:
        patches = rearrange(self.positions(self.patches(images)), "b h w c -> b (h w) c")
        latent = self.latent_tokens.expand(patches.shape[0], -1, -1)
        return self.transformer(torch.cat([patches, latent], dim=1))[:, patches.shape[1] :]


class Decoder(nn.Module):
    """A feature for each latent token, (B, latent_tokens, width), to pictures (B, in_channels, image_size, image_size).

    They go through the transformer behind a mask token for each patch; what becomes of the latter makes the pixels.
    """

    def __init__(self, config: TiTokConfig) -> None:
        super().__init__()
        self.side = config.side
        self.mask_token = nn.Parameter(torch.zeros(config.width))
        self.positions = Positions(config.side, config.width)
        self.latent_positions = opposites(config)
        self.transformer = Transformer(config)
        self.head = PatchHead(config)

    def forward(self, features: Float[Tensor, "b k c"]) -> Float[Tensor, "b ch H W"]:
        masks = self.positions(self.mask_token.expand(features.shape[0], self.side, self.side, -1))
        masks = rearrange(masks, "b h w c -> b (h w) c")
        tokens = self.transformer(torch.cat([masks, features + self.latent_positions], dim=1))
        return self.head(rearrange(tokens[:, : self.side**2], "b (h w) c -> b h w c", h=self.side))


class TiTok(OneMapTokenizer, TrainableTokenizer):
    """A visual tokenizer: pictures to a row of `latent_tokens` codes and back.

    The linear layers `quant_proj` and `post_quant_proj` lead to and from the quantizer's own number of channels, so
    that any quantizer fits. Pictures are float, (B, in_channels, image_size, image_size) in [-1, 1]. Of another size
    they are refused: the number of codes is fixed, so that the rate of a larger picture would be another one, and a
    larger picture has places that the decoder never learned to draw.
    """

    def __init__(self, config: TiTokConfig, quantizer: Quantizer) -> None:
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
        for coder in (self.encoder, self.decoder):
            read_opposites(coder.transformer)

    @property
    def only_extent(self) -> tuple[int, int]:
        """The config's image_size."""
        return (self.config.image_size, self.config.image_size)

    @property
    def last_layer(self) -> nn.Parameter:
        """Weight of the layer that makes the pixels, where the adaptive GAN weight is measured."""
        return self.decoder.head.last_layer

    def latent(self, images: Float[Tensor, "b c H W"]) -> Float[Tensor, "b d k"]:
        """What the quantizer is given; ValueError on a wrong number of channels or another size than the config's."""
        size = self.config.image_size
        if images.ndim == 4 and images.shape[2:] != (size, size):
            height, width = images.shape[2:]
            raise ValueError(f"images must have {size} × {size} pixels, got {height} × {width}; crop or resize them.")
        self._require_signal(images)
        return rearrange(self.quant_proj(self.encoder(images)), "b k d -> b d k")

    def from_latent(self, quantized: Float[Tensor, "b d k"]) -> Float[Tensor, "b c H W"]:
        """Pictures from quantized latents; not clamped. ValueError on another number of them than the config's."""
        if quantized.shape[-1] != self.config.latent_tokens:
            raise ValueError(f"there must be {self.config.latent_tokens} latent tokens, got {quantized.shape[-1]}.")
        return self.decoder(self.post_quant_proj(rearrange(quantized, "b d k -> b k d")))

    def blocks(self) -> list[nn.Module]:
        """The transformer blocks."""
        return [module for module in self.modules() if isinstance(module, Block)]
