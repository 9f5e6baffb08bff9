"""MaskGIT's VQGAN, in the form that bytedance/1d-tokenizer converted to PyTorch (`modeling/modules/maskgit_vqgan.py`).

Chang et al. 2022, "MaskGIT: Masked Generative Image Transformer" (arXiv:2202.04200). It differs from the VQGAN of
taming-transformers: no attention, no biases in the residual blocks and the first convolution, average pooling, as many
blocks in the decoder as in the encoder, no projections around the codebook, and a shortcut of its own kind (`Block`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from autoencoders.pictures.layers import ResidualBlock, Upsample, group_norm, level, row
from autoencoders.pretrained.attention_free import CHANNELS, AttentionFreeTokenizer, Encoder
from autoencoders.pretrained.files import build, read_tensors, renamed
from autoencoders.pretrained.taming import KEPT
from quantizers import Quantizer, create_quantizer
from storage.paths import StrPath


class Block(ResidualBlock):
    """A residual block without biases, whose shortcut, where the width changes, starts from the end of the branch.

    So it gives branch(x) + W branch(x): nothing of x goes past the branch. MaskGIT was trained like this.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, bias=False)
        self.same_width = in_channels == out_channels
        if not self.same_width:
            self.nin_shortcut = nn.Conv2d(out_channels, out_channels, 1, bias=False)

    def forward(self, x: Float[Tensor, "b c_in h w"]) -> Float[Tensor, "b c_out h w"]:
        branch = self.branch(x)
        return branch + (x if self.same_width else self.nin_shortcut(branch))


class Decoder(nn.Module):
    """Quantized latents (B, dim, h, w) to pictures (B, 3, h · stride, w · stride)."""

    def __init__(self, dim: int, width: int, multipliers: Sequence[int], blocks: int) -> None:
        super().__init__()
        widths = [width * multiplier for multiplier in multipliers]
        self.conv_in = nn.Conv2d(dim, widths[-1], 3, padding=1)
        self.mid = row(Block, widths[-1], widths[-1], blocks)
        self.up = nn.ModuleList()  # the finest first
        for index, (after, before) in enumerate(pairwise([*widths, widths[-1]])):
            doubling = Upsample(after) if index else nn.Identity()
            self.up.append(level(row(Block, before, after, blocks), upsample=doubling))
        self.norm_out = group_norm(widths[0])
        self.conv_out = nn.Conv2d(widths[0], CHANNELS, 3, padding=1)

    def forward(self, quantized: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c H W"]:
        h = self.mid(self.conv_in(quantized))
        for finer in reversed(self.up):
            h = finer(h)
        return self.conv_out(F.silu(self.norm_out(h)))


class MaskGITVQGAN(AttentionFreeTokenizer):
    """MaskGIT's tokenizer around a quantizer. Its encoder and decoder work on pictures in [0, 1].

    Args:
        quantizer: From latents to codes.
        width: Channels at full resolution; the defaults are the published model's.
        multipliers: Width of each level over `width`; each but the last halves the sides.
        blocks: Residual blocks of each level, and beside the codes.
    """

    def __init__(
        self, quantizer: Quantizer, width: int = 128, multipliers: Sequence[int] = (1, 1, 2, 2, 4), blocks: int = 2
    ) -> None:
        super().__init__(
            Encoder(quantizer.dim, width, multipliers, blocks, Block, lambda channels: nn.AvgPool2d(2)),
            quantizer,
            Decoder(quantizer.dim, width, multipliers, blocks),
            stride=2 ** (len(multipliers) - 1),
        )

    def latent(self, images: Float[Tensor, "b c H W"]) -> Float[Tensor, "b d h w"]:
        """What the quantizer is given; ValueError on other than 3 channels or a side off the stride's grid."""
        return super().latent((images + 1) / 2)

    def from_latent(self, quantized: Float[Tensor, "b d h w"]) -> Float[Tensor, "b c H W"]:
        """Pictures in [-1, 1] from quantized latents; not clamped."""
        return 2 * super().from_latent(quantized) - 1


def load_maskgit(path: StrPath, *, codebook_size: int = 1024, dim: int = 256, **sizes: Any) -> MaskGITVQGAN:
    """MaskGIT's VQGAN from a file of 1d-tokenizer, in eval mode.

    Args:
        path: `maskgit-vqgan-imagenet-f16-256.bin`, or its tensors as safetensors.
        codebook_size: Number of code vectors; the defaults are the published model's.
        dim: Their width.
        **sizes: Of `MaskGITVQGAN`.

    Raises:
        WeightsError: the file cannot be read, or has other names or shapes.
    """

    def make() -> MaskGITVQGAN:
        quantizer = create_quantizer("vq", codebook_size=codebook_size, dim=dim)
        return MaskGITVQGAN(quantizer, **sizes)

    return build(make, renamed(read_tensors(path), our_name, path), path, KEPT)


def our_name(name: str) -> str:
    """Our name of one of their tensors."""
    if name == "quantize.embedding.weight":
        return "quantizer.codebook.vectors"
    return name.replace(".upsample_conv.", ".upsample.conv.")
