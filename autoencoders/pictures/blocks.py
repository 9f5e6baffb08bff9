"""The baselines of every table: each block of pixels coded by itself, without a network.

`BlockMean` keeps its mean colour: a tokenizer that cannot beat it at the same stride has shown nothing. `BlockPCA` is
the best linear transform to as many channels as a latent has: a network without a quantizer that is not above it has
hardly begun to learn. `BlockKMeans` is vector quantization of raw pixels (Linde, Buzo and Gray 1980): what a quantizer
and a network around it must beat at equal bits.
"""

from abc import abstractmethod
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from autoencoders.tokenizer import OneMapTokenizer
from quantizers import Quantizer
from quantizers.base import RowOutput
from quantizers.codebook import LearnedCodebook
from quantizers.distributed import sum_over_ranks
from quantizers.estimators import straight_through
from quantizers.none import NoQuantizer
from quantizers.vector import VectorQuantizer

PictureBatches = Iterable[Tensor]
"""Each float, (B, 3, H, W) in [-1, 1]; of any number of pictures."""

CHANNELS = 3
"""Of a pixel."""


class BlockTokenizer(OneMapTokenizer):
    """A tokenizer whose codes are of blocks of stride × stride pixels, each by itself.

    Pictures are float, (B, 3, H, W) in [-1, 1], with sides that are multiples of `stride`. Nothing in it is trained
    by gradient.
    """

    def __init__(self, stride: int, quantizer: Quantizer) -> None:
        super().__init__()
        if stride < 1:
            raise ValueError(f"stride must be at least 1, got {stride}.")
        self.strides = (stride, stride)
        self.quantizer = quantizer

    @abstractmethod
    def fit(self, batches: PictureBatches) -> int:
        """Learn from training pictures, of all ranks this rank's part; returns how many all ranks have seen.

        Raises:
            ValueError: there are none.
        """

    def _blocks(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b c h w"]:
        """The pixels of each block as channels; ValueError when a side is no multiple of the stride."""
        self._require_signal(images)
        return F.pixel_unshuffle(images, self.strides[0])


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


class BlockMean(BlockTokenizer):
    """The mean colour of each block, kept in 8 bits per channel. It has nothing to learn."""

    def __init__(self, stride: int) -> None:
        super().__init__(stride, ColorQuantizer())

    def fit(self, batches: PictureBatches) -> int:
        """Look at no picture."""
        return 0

    def latent(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b 3 h w"]:
        """The mean of each block; ValueError when a side is no multiple of the stride."""
        self._require_signal(images)
        return F.avg_pool2d(images, self.strides[0])

    def from_latent(self, quantized: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 H W"]:
        """Each colour spread over its block."""
        return F.interpolate(quantized, scale_factor=self.strides[0], mode="nearest")


class BlockPCA(BlockTokenizer):
    """The first principal components of the blocks, as floats: no linear map to as many channels loses less.

    Args:
        stride: Side of the blocks.
        components: How many; all of them, and no loss, from 3 · stride² on.
    """

    mean: Float[Tensor, "c 1 1"]
    basis: Float[Tensor, "c d"]

    def __init__(self, stride: int, components: int) -> None:
        size = CHANNELS * max(1, stride) ** 2
        super().__init__(stride, NoQuantizer(dim=min(components, size)))
        self.register_buffer("mean", torch.zeros(size, 1, 1))
        self.register_buffer("basis", torch.eye(size)[:, : self.quantizer.dim])

    @torch.no_grad()
    def fit(self, batches: PictureBatches) -> int:
        """Set mean and basis from the covariance of the blocks, summed in float64."""
        size, pictures = 1 + len(self.mean), 0
        moments = self.mean.new_zeros(size, size, dtype=torch.float64)  # of (1, block): count, sum, products
        for images in batches:
            rows = rearrange(self._blocks(images), "b c h w -> (b h w) c").to(moments)
            rows = torch.cat([rows.new_ones(len(rows), 1), rows], 1)
            moments.addmm_(rows.T, rows)
            pictures += len(images)
        seen, moments = sum_over_ranks([moments.new_tensor([pictures]), moments])
        _require_some(int(seen))
        moments = moments / moments[0, 0]
        mean = moments[0, 1:]
        vectors = torch.linalg.eigh(moments[1:, 1:] - torch.outer(mean, mean))[1]  # by rising variance
        self.mean.copy_(mean[:, None, None])
        self.basis.copy_(vectors.flip(1)[:, : self.quantizer.dim])
        return int(seen)

    def latent(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b d h w"]:
        """The components of each block; ValueError when a side is no multiple of the stride."""
        return torch.einsum("bchw,cd->bdhw", self._blocks(images) - self.mean, self.basis)

    def from_latent(self, quantized: Float[Tensor, "b d h w"]) -> Float[Tensor, "b 3 H W"]:
        """The blocks with these components and none of the others."""
        return F.pixel_shuffle(torch.einsum("bdhw,cd->bchw", quantized, self.basis) + self.mean, self.strides[0])


class BlockKMeans(BlockTokenizer):
    """Each block replaced by the nearest of a number of blocks, found by k-means.

    Args:
        stride: Side of the blocks.
        codebook_size: How many there are to choose from.
        iterations: Lloyd steps.
    """

    def __init__(self, stride: int, codebook_size: int, iterations: int = 10) -> None:
        size = CHANNELS * max(1, stride) ** 2
        super().__init__(stride, VectorQuantizer(LearnedCodebook(codebook_size, size, kmeans_iterations=iterations)))

    @torch.no_grad()
    def fit(self, batches: PictureBatches) -> int:
        """Set the codebook by k-means++ seeds and Lloyd steps; the blocks of all pictures are held in memory. The seeds
        depend on the order of the pictures, which is another on several ranks."""
        vectors = next(self.parameters())
        pictures, rows = 0, [vectors.new_empty(0, self.quantizer.dim)]  # a rank may have none
        for images in batches:
            rows.append(rearrange(self._blocks(images), "b c h w -> (b h w) c"))
            pictures += len(images)
        (seen,) = sum_over_ranks([torch.tensor([pictures], device=vectors.device)])
        _require_some(int(seen))
        self.quantizer.start(torch.cat(rows))
        return int(seen)

    def latent(self, images: Float[Tensor, "b 3 H W"]) -> Float[Tensor, "b c h w"]:
        """The pixels of each block; ValueError when a side is no multiple of the stride."""
        return self._blocks(images)

    def from_latent(self, quantized: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 3 H W"]:
        """The blocks where they belong."""
        return F.pixel_shuffle(quantized, self.strides[0])


def _require_some(pictures: int) -> None:
    if pictures == 0:
        raise ValueError("a baseline cannot be fitted on no picture.")
