"""Open-MAGVIT2 tokenizers of TencentARC/SEED-Voken (`src/Open_MAGVIT2/modules/diffusionmodules/improved_model.py`).

Luo et al. 2024, "Open-MAGVIT2: An Open-Source Project Toward Democratizing Auto-regressive Visual Generation"
(arXiv:2409.04410), after the image tokenizer of MAGVIT-v2 (Yu et al. 2023, arXiv:2310.05737). Residual blocks without
biases or attention; halved by strided convolutions, doubled by depth to space; every level of the decoder begins with a
norm that is scaled and shifted by statistics of the codes. The codes are `lfq`'s. Read are the moving averages of the
weights (`seed_voken`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.pictures.layers import ResidualBlock, group_norm, level, row
from autoencoders.pretrained.attention_free import CHANNELS, AttentionFreeTokenizer, Encoder
from autoencoders.pretrained.files import build, read_tensors, renamed
from autoencoders.pretrained.seed_voken import evaluated
from quantizers import create_quantizer
from storage.paths import StrPath

Block = partial(ResidualBlock, bias=False)

EPS = 1e-6
"""Added to the variance of the codes."""


def strided(channels: int) -> nn.Conv2d:
    """Halves both sides."""
    return nn.Conv2d(channels, channels, 3, stride=2, padding=1)


class DepthToSpace(nn.Module):
    """Doubles both sides: a convolution to four times the channels, of which each 2 x 2 pixels are made."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 4 * channels, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h2 w2"]:
        return rearrange(self.conv1(x), "b (p q c) h w -> b c (h p) (w q)", p=2, q=2)


class CodeNorm(nn.Module):
    """A group norm scaled by what a layer makes of each code channel's spread over the picture, shifted by its mean's.

    The spread is the unbiased standard deviation, so that there must be two positions at least.
    """

    def __init__(self, dim: int, channels: int) -> None:
        super().__init__()
        self.groups = group_norm(channels).num_groups
        self.gamma = nn.Linear(dim, channels)
        self.beta = nn.Linear(dim, channels)

    def forward(self, x: Float[Tensor, "b c h w"], codes: Float[Tensor, "b d h0 w0"]) -> Float[Tensor, "b c h w"]:
        positions = codes.flatten(2)
        scale = self.gamma((positions.var(-1) + EPS).sqrt())[..., None, None]
        shift = self.beta(positions.mean(-1))[..., None, None]
        return scale * F.group_norm(x, self.groups, eps=1e-6) + shift


class Decoder(nn.Module):
    """Codes as vectors of signs, (B, bits, h, w), to pictures (B, 3, h · stride, w · stride)."""

    def __init__(self, dim: int, width: int, multipliers: Sequence[int], blocks: int) -> None:
        super().__init__()
        widths = [width * multiplier for multiplier in multipliers]
        self.conv_in = nn.Conv2d(dim, widths[-1], 3, padding=1)
        self.mid = row(Block, widths[-1], widths[-1], blocks)
        self.up, self.adaptive = nn.ModuleList(), nn.ModuleList()  # the finest first
        for index, (after, before) in enumerate(pairwise([*widths, widths[-1]])):
            self.adaptive.append(CodeNorm(dim, before))
            doubling = DepthToSpace(after) if index else nn.Identity()
            self.up.append(level(row(Block, before, after, blocks), upsample=doubling))
        self.norm_out = group_norm(widths[0])
        self.conv_out = nn.Conv2d(widths[0], CHANNELS, 3, padding=1)

    def forward(self, codes: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c H W"]:
        h = self.mid(self.conv_in(codes))
        for norm, finer in zip(reversed(self.adaptive), reversed(self.up), strict=True):
            h = finer(norm(h, codes))
        return self.conv_out(F.silu(self.norm_out(h)))


class OpenMAGVIT2(AttentionFreeTokenizer):
    """Open-MAGVIT2's tokenizer.

    Args:
        bits: Of a code, and channels of a latent.
        multipliers: Width of each level over `width`; each but the last halves the sides.
        width: Channels at full resolution; the defaults are those of all published models.
        blocks: Residual blocks of each level, and beside the codes.
    """

    def __init__(self, bits: int, multipliers: Sequence[int], width: int = 128, blocks: int = 4) -> None:
        super().__init__(
            Encoder(bits, width, multipliers, blocks, Block, strided),
            create_quantizer("lfq", bits=bits),
            Decoder(bits, width, multipliers, blocks),
            stride=2 ** (len(multipliers) - 1),
        )

    def from_latent(self, quantized: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c H W"]:
        """Pictures from quantized latents; not clamped. ValueError on a single position: its codes have no spread."""
        if quantized.shape[-2:].numel() < 2:
            raise ValueError(
                f"Open-MAGVIT2 decodes grids of at least two positions, got {tuple(quantized.shape[-2:])}; "
                f"take pictures larger than {self.strides[0]} × {self.strides[1]}."
            )
        return super().from_latent(quantized)


def load_open_magvit2(path: StrPath, bits: int, multipliers: Sequence[int], **sizes: Any) -> OpenMAGVIT2:
    """An Open-MAGVIT2 tokenizer in eval mode.

    Args:
        path: The checkpoint, or its tensors as safetensors.
        bits: Log2 of `n_embed` of the configuration.
        multipliers: `ch_mult` of its `ddconfig`.
        **sizes: Others of `OpenMAGVIT2`.

    Raises:
        WeightsError: the file cannot be read, or has other names or shapes.
    """
    tensors = renamed(evaluated(read_tensors(path)), lambda name: name.replace(".mid_block.", ".mid."), path)
    return build(lambda: OpenMAGVIT2(bits, multipliers, **sizes), tensors, path)
