"""The baselines of a table: tokenizers of blocks, without a network, accepted wherever a quantizer is named.

Each is made for the settings that the others are trained in: blocks of the stride of the finest code map, as many
channels and bits per picture as there.
"""

from __future__ import annotations

from collections.abc import Sequence

from autoencoders import BlockKMeans, BlockMean, BlockPCA, BlockTokenizer, finest_stride, positions_of
from benchmarks.config import RunConfig, Settings

BLOCK_MEAN, PCA, KMEANS = "block-mean", "pca", "kmeans"

NAMES = (BLOCK_MEAN, PCA, KMEANS)

BLOCKS = 2**17
"""That a baseline is fitted on, at least: with fewer, k-means at 14 bits would learn the training pictures by heart.
More gain little: 0.07 dB from three times as many at 10 bits."""

MAX_KMEANS_BITS = 14
"""Of a block. Beyond it k-means takes many minutes, and as many blocks as codes is no codebook."""


def baselines(run: RunConfig, rates: Sequence[int]) -> list[RunConfig]:
    """The baselines in the settings of a run, k-means at each of these rates (bits per position) that it can have."""

    def of(name: str, bits: int | None) -> RunConfig:
        return RunConfig(name, bits, {}, 0, run.preset, run.settings)

    possible = [bits for bits in dict.fromkeys(rates) if 0 < block_bits(run.settings, bits) <= MAX_KMEANS_BITS]
    return [of(BLOCK_MEAN, None), of(PCA, None), *(of(KMEANS, bits) for bits in possible)]


def make_baseline(run: RunConfig) -> BlockTokenizer:
    """The tokenizer of a baseline, not yet fitted.

    Raises:
        ValueError: k-means without a rate, or at one that it cannot have.
    """
    stride = finest_stride(run.settings.model)
    if run.quantizer == BLOCK_MEAN:
        return BlockMean(stride)
    if run.quantizer == PCA:
        return BlockPCA(stride, per_block(run.settings, run.settings.dim))
    if run.bits is None or not 0 < (bits := block_bits(run.settings, run.bits)) <= MAX_KMEANS_BITS:
        raise ValueError(f"kmeans needs --bits, from 1 to {MAX_KMEANS_BITS} for a block, got {run.bits}")
    return BlockKMeans(stride, 2**bits)


def block_bits(settings: Settings, bits: int) -> int:
    """Bits of a block that are, over a picture, those of the codes at `bits` a position."""
    return per_block(settings, bits)


def per_block(settings: Settings, per_position: int) -> int:
    """What each block gets of what each code position has: as much per picture. The same where there is one code map,
    with a position for each block."""
    return round(per_position * positions_of(settings.model) / blocks_of(settings))


def blocks_of(settings: Settings) -> int:
    """Blocks of a training picture."""
    return (settings.data.image_size // finest_stride(settings.model)) ** 2


def fitting_images(settings: Settings) -> int:
    """Training crops that a baseline is fitted on: whole batches, no more than the others are trained on."""
    train = settings.train
    batches = -(-BLOCKS // (blocks_of(settings) * train.batch_size))
    return min(train.steps, batches) * train.batch_size
