"""The baselines of tables of pictures: tokenizers of blocks, without a network, accepted wherever a quantizer is named.

Each is made for the settings that the others are trained in: blocks of the stride of the finest code map, as many
channels and bits per picture as there.
"""

from __future__ import annotations

from typing import cast

from autoencoders import BlockKMeans, BlockMean, BlockPCA, BlockTokenizer
from autoencoders.pictures.sizes import PictureBackboneConfig, finest_stride, positions_of
from benchmarks.data import DataConfig
from benchmarks.records.baselines import BLOCK_MEAN, PCA
from benchmarks.training.settings import RunConfig, Settings

BLOCKS = 2**17
"""That a baseline is fitted on, at least: 8 for each code of k-means at 14 bits."""

MAX_KMEANS_BITS = 14
"""Of a block. Beyond it k-means takes many minutes, and as many blocks as codes is no codebook."""


def has_kmeans(settings: Settings, bits: int) -> bool:
    """Whether there is k-means at this rate."""
    return 0 < per_block(settings, bits) <= MAX_KMEANS_BITS


def make_baseline(run: RunConfig) -> BlockTokenizer:
    """The tokenizer of a baseline, not yet fitted.

    Raises:
        ValueError: k-means without a rate, or at one that it cannot have.
    """
    stride = finest_stride(_of_pictures(run.settings)[1])
    if run.quantizer == BLOCK_MEAN:
        return BlockMean(stride)
    if run.quantizer == PCA:
        return BlockPCA(stride, per_block(run.settings, run.settings.dim))
    if run.bits is None or not has_kmeans(run.settings, run.bits):
        raise ValueError(f"kmeans needs --bits, from 1 to {MAX_KMEANS_BITS} for a block, got {run.bits}")
    return BlockKMeans(stride, 2 ** per_block(run.settings, run.bits))


def per_block(settings: Settings, per_position: int) -> int:
    """What each block gets of what each code position has: as much per picture. The same where there is one code map,
    with a position for each block."""
    return round(per_position * positions_of(_of_pictures(settings)[1]) / blocks_of(settings))


def blocks_of(settings: Settings) -> int:
    """Blocks of a training picture."""
    data, model = _of_pictures(settings)
    return (data.image_size // finest_stride(model)) ** 2


def fitting_items(settings: Settings) -> int:
    """Training crops that a baseline is fitted on: whole batches, no more than the others are trained on."""
    train = settings.train
    batches = -(-BLOCKS // (blocks_of(settings) * train.batch_size))
    return min(train.steps, batches) * train.batch_size


def _of_pictures(settings: Settings) -> tuple[DataConfig, PictureBackboneConfig]:
    """Data and backbone, which are of pictures, as the settings' own check sees to."""
    return cast(DataConfig, settings.data), cast(PictureBackboneConfig, settings.model)
