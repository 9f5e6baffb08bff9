"""The baselines of every table: each block of pixels coded by itself, without a network; of pictures and of films.

`BlockMean` keeps its mean colour: a tokenizer that cannot beat it at the same stride has shown nothing. `BlockPCA` is
the best linear transform to as many channels as a latent has: a network without a quantizer that is not above it has
hardly begun to learn. `BlockKMeans` is vector quantization of raw pixels (Linde, Buzo and Gray 1980): what a quantizer
and a network around it must beat at equal bits.
"""

import math
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

SignalBatches = Iterable[Tensor]
"""Each float, (B, 3, *extent) in [-1, 1]; of any number of pictures or films."""

Stride = int | tuple[int, ...]
"""Side of the square blocks of pictures, in pixels; or the sides of blocks, (4, 8, 8) of films for 4 frames of 8 × 8
pixels."""

CHANNELS = 3
"""Of a pixel."""


class BlockTokenizer(OneMapTokenizer):
    """A tokenizer whose codes are of blocks of pixels, each by itself.

    Signals are float, (B, 3, *extent) in [-1, 1], with extents that are multiples of the stride. Nothing in it is
    trained by gradient.
    """

    def __init__(self, stride: Stride, quantizer: Quantizer) -> None:
        super().__init__()
        self.strides = _sides(stride)
        if min(self.strides) < 1:
            raise ValueError(f"stride must be at least 1, got {stride}.")
        self.quantizer = quantizer

    @abstractmethod
    def fit(self, batches: SignalBatches) -> int:
        """Learn from training pictures or films, of all ranks this rank's part; returns how many all ranks have seen.

        Raises:
            ValueError: there are none.
        """

    def _blocks(self, signal: Float[Tensor, "b 3 *extent"]) -> Float[Tensor, "b c *grid"]:
        """The pixels of each block as channels; ValueError on an extent that is no multiple of the stride."""
        self._require_signal(signal)
        whole, blocks, sizes = self._patterns()
        return rearrange(signal, f"{whole} -> {blocks}", **sizes)

    def _whole(self, blocks: Float[Tensor, "b c *grid"]) -> Float[Tensor, "b 3 *extent"]:
        """The inverse of `_blocks`."""
        whole, apart, sizes = self._patterns()
        return rearrange(blocks, f"{apart} -> {whole}", **sizes)

    def _patterns(self) -> tuple[str, str, dict[str, int]]:
        """Of a signal and of its blocks, as `rearrange` has them: n0, n1, … blocks along the axes, of sides s0, s1 …"""
        axes = range(len(self.strides))
        whole = " ".join(f"(n{axis} s{axis})" for axis in axes)
        counts, sides = (" ".join(f"{letter}{axis}" for axis in axes) for letter in "ns")
        sizes = {f"s{axis}": side for axis, side in enumerate(self.strides)}
        return f"b c {whole}", f"b (c {sides}) {counts}", {"c": CHANNELS, **sizes}


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

    def __init__(self, stride: Stride) -> None:
        super().__init__(stride, ColorQuantizer())

    def fit(self, batches: SignalBatches) -> int:
        """Look at none."""
        return 0

    def latent(self, signal: Float[Tensor, "b 3 *extent"]) -> Float[Tensor, "b 3 *grid"]:
        """The mean of each block; ValueError on an extent that is no multiple of the stride."""
        self._require_signal(signal)
        pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(self.strides) - 1]
        return pool(signal, self.strides)

    def from_latent(self, quantized: Float[Tensor, "b 3 *grid"]) -> Float[Tensor, "b 3 *extent"]:
        """Each colour spread over its block."""
        for axis, side in enumerate(self.strides, 2):
            quantized = quantized.repeat_interleave(side, axis)
        return quantized


class BlockPCA(BlockTokenizer):
    """The first principal components of the blocks, as floats: no linear map to as many channels loses less.

    Args:
        stride: Of the blocks.
        components: How many; all of them, and no loss, where they are as many as the numbers of a block.
    """

    mean: Tensor
    basis: Float[Tensor, "c d"]

    def __init__(self, stride: Stride, components: int) -> None:
        size = _block_size(stride)
        super().__init__(stride, NoQuantizer(dim=min(components, size)))
        self.register_buffer("mean", torch.zeros(size, *[1] * len(self.strides)))
        self.register_buffer("basis", torch.eye(size)[:, : self.quantizer.dim])

    @torch.no_grad()
    def fit(self, batches: SignalBatches) -> int:
        """Set mean and basis from the covariance of the blocks, summed in float64."""
        size, signals = 1 + len(self.mean), 0
        moments = self.mean.new_zeros(size, size, dtype=torch.float64)  # of (1, block): count, sum, products
        for batch in batches:
            rows = _rows(self._blocks(batch)).to(moments)
            rows = torch.cat([rows.new_ones(len(rows), 1), rows], 1)
            moments.addmm_(rows.T, rows)
            signals += len(batch)
        seen, moments = sum_over_ranks([moments.new_tensor([signals]), moments])
        _require_some(int(seen))
        moments = moments / moments[0, 0]
        mean = moments[0, 1:]
        vectors = torch.linalg.eigh(moments[1:, 1:] - torch.outer(mean, mean))[1]  # by rising variance
        self.mean.copy_(mean.view_as(self.mean))
        self.basis.copy_(vectors.flip(1)[:, : self.quantizer.dim])
        return int(seen)

    def latent(self, signal: Float[Tensor, "b 3 *extent"]) -> Float[Tensor, "b d *grid"]:
        """The components of each block; ValueError on an extent that is no multiple of the stride."""
        return torch.einsum("bc...,cd->bd...", self._blocks(signal) - self.mean, self.basis)

    def from_latent(self, quantized: Float[Tensor, "b d *grid"]) -> Float[Tensor, "b 3 *extent"]:
        """The blocks with these components and none of the others."""
        return self._whole(torch.einsum("bd...,cd->bc...", quantized, self.basis) + self.mean)


class BlockKMeans(BlockTokenizer):
    """Each block replaced by the nearest of a number of blocks, found by k-means.

    Args:
        stride: Of the blocks.
        codebook_size: How many there are to choose from.
        iterations: Lloyd steps.
    """

    def __init__(self, stride: Stride, codebook_size: int, iterations: int = 10) -> None:
        size = _block_size(stride)
        super().__init__(stride, VectorQuantizer(LearnedCodebook(codebook_size, size, kmeans_iterations=iterations)))

    @torch.no_grad()
    def fit(self, batches: SignalBatches) -> int:
        """Set the codebook by k-means++ seeds and Lloyd steps; the blocks of all are held in memory. The seeds depend
        on the order of pictures or films, which is another on several ranks."""
        vectors = next(self.parameters())
        signals, rows = 0, [vectors.new_empty(0, self.quantizer.dim)]  # a rank may have none
        for batch in batches:
            rows.append(_rows(self._blocks(batch)))
            signals += len(batch)
        (seen,) = sum_over_ranks([torch.tensor([signals], device=vectors.device)])
        _require_some(int(seen))
        self.quantizer.start(torch.cat(rows))
        return int(seen)

    def latent(self, signal: Float[Tensor, "b 3 *extent"]) -> Float[Tensor, "b c *grid"]:
        """The pixels of each block; ValueError on an extent that is no multiple of the stride."""
        return self._blocks(signal)

    def from_latent(self, quantized: Float[Tensor, "b c *grid"]) -> Float[Tensor, "b 3 *extent"]:
        """The blocks where they belong."""
        return self._whole(quantized)


def _sides(stride: Stride) -> tuple[int, ...]:
    return (stride, stride) if isinstance(stride, int) else tuple(stride)


def _block_size(stride: Stride) -> int:
    """Numbers of a block; of one that is refused later, of some other."""
    return CHANNELS * math.prod(max(1, side) for side in _sides(stride))


def _rows(blocks: Float[Tensor, "b c *grid"]) -> Float[Tensor, "n c"]:
    return blocks.movedim(1, -1).flatten(0, -2)


def _require_some(signals: int) -> None:
    if signals == 0:
        raise ValueError("a baseline cannot be fitted on no picture or film.")
