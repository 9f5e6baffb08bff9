"""The baselines of tables of pictures and of films that are blocks of pixels, without a network."""

from __future__ import annotations

from autoencoders import BlockKMeans, BlockMean, BlockPCA, BlockTokenizer
from autoencoders.blocks import Stride
from benchmarks.records.baselines import BLOCK_MEAN, PCA
from benchmarks.training.settings import RunConfig

MAX_KMEANS_BITS = 14
"""Of a block. Beyond it k-means takes many minutes, and as many blocks as codes is no codebook."""


def kmeans_has(bits: int) -> bool:
    """Whether there is k-means at so many bits for a block."""
    return 0 < bits <= MAX_KMEANS_BITS


def make_block_baseline(run: RunConfig, stride: Stride, channels: int, bits: int | None) -> BlockTokenizer:
    """The tokenizer of such a baseline, not yet fitted.

    Args:
        run: What is asked for.
        stride: Sides of a block.
        channels: Of a block, as many as the latents have.
        bits: Of a block, where the run has a rate.

    Raises:
        ValueError: k-means without a rate, or at one that it cannot have.
    """
    if run.quantizer == BLOCK_MEAN:
        return BlockMean(stride)
    if run.quantizer == PCA:
        return BlockPCA(stride, channels)
    if bits is None or not kmeans_has(bits):
        raise ValueError(f"kmeans needs --bits, from 1 to {MAX_KMEANS_BITS} for a block, got {run.bits}")
    return BlockKMeans(stride, 2**bits)
