"""The baseline of every table: the mean colour of each block, kept in 8 bits per channel.

A tokenizer that cannot beat it at the same stride has shown nothing.
"""

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from autoencoders.tokenizer import OneMapTokenizer
from quantizers import Quantizer
from quantizers.base import RowOutput
from quantizers.estimators import straight_through


class ColorQuantizer(Quantizer):
    """Rounds each of three channels in [-1, 1] to the 256 values of an 8-bit colour: 24 bits per position.

    It has no parameters and its loss is zero; the gradient passes straight through.
    """

    is_projection = True

    def __init__(self) -> None:
        super().__init__(dim=3, codebook_size=256, codes_per_position=3)

    def quantize_rows(self, rows: Float[Tensor, "n 3"]) -> RowOutput:
        codes = ((rows.detach() + 1) * 127.5).round().clamp(0, 255).long()
        quantized = straight_through(rows, self.decode_rows(codes).to(rows))
        return RowOutput(quantized, codes, rows.new_zeros(()), {})

    def decode_rows(self, codes: Int[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        return codes / 127.5 - 1


class BlockMean(OneMapTokenizer):
    """A tokenizer whose codes are the mean colours of blocks of stride × stride pixels.

    Pictures are float, (B, 3, H, W) in [-1, 1]. Nothing in it is trained.
    """

    def __init__(self, stride: int) -> None:
        super().__init__()
        if stride < 1:
            raise ValueError(f"stride must be at least 1, got {stride}.")
        self.stride = stride
        self.quantizer = ColorQuantizer()

    def latent(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b 3 h w"]:
        """The mean of each block; ValueError when a side is no multiple of the stride."""
        self._require_grid(images)
        return F.avg_pool2d(images, self.stride)

    def from_latent(self, quantized: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 H W"]:
        """Each colour spread over its block."""
        return F.interpolate(quantized, scale_factor=self.stride, mode="nearest")
