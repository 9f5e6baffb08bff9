"""The baselines of tables of films: the codecs in daily use, and tokenizers of blocks of space and time, accepted
wherever a quantizer is named.

Blocks have the strides of the backbone, and as many channels and bits as its positions. A clip of 1 + k · stride frames
goes on as it ends up to whole blocks, of which it then has as many as the backbone has positions.
"""

from __future__ import annotations

import math

from autoencoders import BlockTokenizer, FilmBackboneConfig
from benchmarks.protocols.video.codecs import AV1_QUALITIES, FILM_CODECS, H264_QUALITIES, HEVC_QUALITIES, FilmCodec
from benchmarks.records.baselines import AV1, H264, HEVC
from benchmarks.training.settings import RunConfig, Settings
from benchmarks.training.signals.block_baselines import make_block_baseline

QUALITIES = {H264: H264_QUALITIES, HEVC: HEVC_QUALITIES, AV1: AV1_QUALITIES}

BLOCKS = 2**16
"""That a baseline is fitted on, at least: 64 for each code of k-means at 10 bits, which holds them all."""


def make_baseline(run: RunConfig) -> FilmCodec | BlockTokenizer:
    """The codec at the quality of its options, or the tokenizer of blocks, not yet fitted.

    Raises:
        ValueError: k-means without a rate, or at one that it cannot have.
    """
    if run.quantizer in FILM_CODECS:
        return FILM_CODECS[run.quantizer](run.options["crf"])
    return make_block_baseline(run, model_of(run.settings).stride, run.settings.dim, run.bits)


def blocks_of(settings: Settings) -> int:
    """Blocks of a training clip."""
    sides = zip(settings.data.extent, model_of(settings).stride, strict=True)
    return math.prod(-(-length // side) for length, side in sides)


def model_of(settings: Settings) -> FilmBackboneConfig:
    """The backbone, which is of films, as the settings' own check sees to."""
    assert isinstance(settings.model, FilmBackboneConfig)
    return settings.model
