"""The baselines of tables of pictures: tokenizers of blocks, accepted wherever a quantizer is named.

Each is made for the settings that the others are trained in: blocks of the stride of the finest code map, as many
channels and bits per picture as there.
"""

from __future__ import annotations

from typing import cast

from autoencoders import BlockTokenizer
from autoencoders.pictures.sizes import PictureBackboneConfig, finest_stride, positions_of
from benchmarks.data import DataConfig
from benchmarks.training.settings import RunConfig, Settings
from benchmarks.training.signals.block_baselines import kmeans_has, make_block_baseline

BLOCKS = 2**17
"""That a baseline is fitted on, at least: 8 for each code of k-means at 14 bits."""


def has_kmeans(settings: Settings, bits: int) -> bool:
    """Whether there is k-means at this rate."""
    return kmeans_has(per_block(settings, bits))


def make_baseline(run: RunConfig) -> BlockTokenizer:
    """The tokenizer of a baseline, not yet fitted.

    Raises:
        ValueError: k-means without a rate, or at one that it cannot have.
    """
    settings = run.settings
    bits = None if run.bits is None else per_block(settings, run.bits)
    return make_block_baseline(run, finest_stride(_of_pictures(settings)[1]), per_block(settings, settings.dim), bits)


def per_block(settings: Settings, per_position: int) -> int:
    """What each block gets of what each code position has: as much per picture. The same where there is one code map,
    with a position for each block."""
    return round(per_position * positions_of(_of_pictures(settings)[1]) / blocks_of(settings))


def blocks_of(settings: Settings) -> int:
    """Blocks of a training picture."""
    data, model = _of_pictures(settings)
    return (data.image_size // finest_stride(model)) ** 2


def _of_pictures(settings: Settings) -> tuple[DataConfig, PictureBackboneConfig]:
    """Data and backbone, which are of pictures, as the settings' own check sees to."""
    return cast(DataConfig, settings.data), cast(PictureBackboneConfig, settings.model)
