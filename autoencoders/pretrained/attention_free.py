"""What MaskGIT's VQGAN and Open-MAGVIT2 have in common: an encoder without attention, and no projections of the codes.

Chang et al. 2022 (arXiv:2202.04200); Luo et al. 2024 (arXiv:2409.04410). They differ in their residual block, in how
the sides are halved, and in the decoder. Submodules carry the names of MaskGIT's checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.pictures.layers import Block, group_norm, level, row
from autoencoders.tokenizer import OneMapTokenizer
from quantizers import Quantizer

CHANNELS = 3
"""Of a picture."""


class Encoder(nn.Module):
    """Pictures (B, 3, H, W) to latents (B, dim, H / stride, W / stride), with stride 2^(levels - 1).

    Args:
        dim: Channels of a latent.
        width: Channels at full resolution.
        multipliers: Width of each level over `width`; each but the last halves the sides.
        blocks: Residual blocks of each level, and after the last.
        block: Makes a residual block.
        downsample: Makes what halves the sides, for a number of channels.
    """

    def __init__(
        self,
        dim: int,
        width: int,
        multipliers: Sequence[int],
        blocks: int,
        block: Block,
        downsample: Callable[[int], nn.Module],
    ) -> None:
        super().__init__()
        widths = [width * multiplier for multiplier in multipliers]
        self.conv_in = nn.Conv2d(CHANNELS, width, 3, padding=1, bias=False)
        self.down = nn.Sequential()
        for before, after in pairwise([width, *widths]):
            coarsest = len(self.down) == len(widths) - 1
            halving = nn.Identity() if coarsest else downsample(after)
            self.down.append(level(row(block, before, after, blocks), downsample=halving))
        self.mid = row(block, widths[-1], widths[-1], blocks)
        self.norm_out = group_norm(widths[-1])
        self.conv_out = nn.Conv2d(widths[-1], dim, 1)

    def forward(self, images: Float[Tensor, "b c H W"]) -> Float[Tensor, "b d h w"]:
        h = self.mid(self.down(self.conv_in(images)))
        return self.conv_out(F.silu(self.norm_out(h)))


class AttentionFreeTokenizer(OneMapTokenizer):
    """A tokenizer of such an encoder, a quantizer whose channels are those of the latent, and a decoder."""

    def __init__(self, encoder: nn.Module, quantizer: Quantizer, decoder: nn.Module, stride: int) -> None:
        super().__init__()
        self.strides = (stride, stride)
        self.encoder = encoder
        self.quantizer = quantizer
        self.decoder = decoder

    def latent(self, images: Float[Tensor, "b c H W"]) -> Float[Tensor, "b d h w"]:
        """What the quantizer is given; ValueError on other than 3 channels or a side off the stride's grid."""
        self._require_signal(images)
        return self.encoder(images)

    def from_latent(self, quantized: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c H W"]:
        """Pictures from quantized latents; not clamped."""
        return self.decoder(quantized)
