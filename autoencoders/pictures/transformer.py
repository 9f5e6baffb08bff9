"""The parts of the transformer backbones: patches, places, pre-norm blocks, and the sizes of all of these.

Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words" (arXiv:2010.11929), in the form that CLIP gave it, with a norm
before the first block. BSQ-ViT and TiTok have the same one; submodules carry the names that their published weights
share (`ln_pre`, `resblocks`, `ln_1`, `attn`, `mlp.c_fc`, ...).
"""

import math
from collections import OrderedDict

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from autoencoders.pictures.sizes import TransformerConfig
from quantizers.exporting import is_exporting

EXPANSION = 4
"""Width inside a feed-forward network over the width of a token, in all published sizes."""


class Attention(nn.Module):
    """Multi-head self-attention over all tokens."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        q, k, v = rearrange(self.in_proj(x), "b n (part h c) -> part b h n c", part=3, h=self.heads)
        attended = F.scaled_dot_product_attention(q, k, v)  # softmax(q kᵀ / √c) v
        return self.out_proj(rearrange(attended, "b h n c -> b n (h c)"))


class Block(nn.Module):
    """x + attention(norm(x)), then x + feed-forward(norm(x)) with a GELU inside."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.ln_2 = nn.LayerNorm(width)
        layers = {
            "c_fc": nn.Linear(width, EXPANSION * width),
            "gelu": nn.GELU(),
            "c_proj": nn.Linear(EXPANSION * width, width),
        }
        self.mlp = nn.Sequential(OrderedDict(layers))

    def forward(self, x: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    """Norm, pre-norm blocks, norm."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.checkpointing = config.gradient_checkpointing
        self.ln_pre = nn.LayerNorm(config.width)
        self.resblocks = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.layers))
        self.ln_post = nn.LayerNorm(config.width)

    def forward(self, x: Float[Tensor, "b n c"]) -> Float[Tensor, "b n c"]:
        x = self.ln_pre(x)
        for block in self.resblocks:
            if self.checkpointing and torch.is_grad_enabled():
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        return self.ln_post(x)


class PatchEmbedding(nn.Module):
    """Pictures (B, in_channels, H, W) cut into patches without overlap, each a token.

    There is no bias: every place has a vector of its own to add.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.patch_size = config.patch_size
        self.project = nn.Linear(config.in_channels * config.patch_size**2, config.width, bias=False)

    def forward(self, images: Float[Tensor, "b ch H W"]) -> Float[Tensor, "b h w c"]:
        p = self.patch_size
        return self.project(rearrange(images, "b ch (h p) (w q) -> b h w (ch p q)", p=p, q=p))


class PatchHead(nn.Module):
    """Tokens to the pixels of their patches, by a two-layer network with a tanh in the middle.

    Yu et al. 2021 (arXiv:2110.04627), section 3.1: no activation at the end.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.patch_size = config.patch_size
        self.layers = tanh_network(config.width, config.in_channels * config.patch_size**2)

    def forward(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b ch H W"]:
        p = self.patch_size
        return rearrange(self.layers(x), "b h w (ch p q) -> b ch (h p) (w q)", p=p, q=p)

    @property
    def last_layer(self) -> nn.Parameter:
        """Weight of the layer that makes the pixels."""
        return self.layers.get_parameter("2.weight")


def tanh_network(width: int, out: int) -> nn.Sequential:
    """Two linear layers with a tanh between them, `EXPANSION` times as wide there."""
    return nn.Sequential(nn.Linear(width, EXPANSION * width), nn.Tanh(), nn.Linear(EXPANSION * width, out))


class Positions(nn.Module):
    """Adds a learned vector to each token of a grid. Grids of other sizes get the table resized, bicubically.

    A learned table takes up any sizes that are trained on and holds published ones; resized, it still says where in the
    picture a token is (Dosovitskiy et al. 2021, section 3.2), where waves would come to phases never seen in training.
    """

    def __init__(self, side: int, width: int) -> None:
        super().__init__()
        self.table = nn.Parameter(waves(side, width))

    def forward(self, x: Float[Tensor, "b h w c"]) -> Float[Tensor, "b h w c"]:
        grid = x.shape[1:3]
        # an exported program, whose grid is open, resizes always: to its own size that gives the very table
        if not is_exporting() and grid == self.table.shape[:2]:
            return x + self.table
        table = F.interpolate(rearrange(self.table, "h w c -> 1 c h w"), grid, mode="bicubic")
        return x + rearrange(table, "1 c h w -> h w c")


def waves(side: int, width: int) -> Float[Tensor, "{side} {side} {width}"]:
    """Sines and cosines of the row in one half of the channels, of the column in the other.

    Their frequencies are evenly spaced up to half a period for each place, so that the vectors of two places are all
    but orthogonal if they share neither row nor column. Most of the usual wavelengths, up to 60,000 places (Vaswani et
    al. 2017), could not tell the few places of these grids apart.
    """
    frequencies = math.pi * torch.arange(1, width // 4 + 1) / (width // 4)
    phases = torch.arange(side)[:, None] * frequencies
    axis = torch.cat([phases.sin(), phases.cos()], dim=1)
    rows, columns = axis[:, None].expand(side, side, -1), axis[None].expand(side, side, -1)
    return torch.cat([rows, columns], dim=2)


def initialise(module: nn.Module) -> None:
    """Linear layers keep the variance of their input (LeCun), and every residual branch starts at zero.

    Published codes draw all weights with a deviation of 0.02, which suits their widths; in narrow networks the signal
    then shrinks from layer to layer. Weights that are loaded afterwards do not care.
    """
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    # `apply` comes to a block after its linear layers
    if isinstance(module, Block):
        nn.init.zeros_(module.attn.out_proj.weight)
        nn.init.zeros_(module.mlp.get_parameter("c_proj.weight"))
