"""What the codes of signals of several lengths cost, sounds or clips, and how they are used; also on resamples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from benchmarks.metrics.codes import code_density, code_maps, nominal_bits
from quantizers import Quantizer

_COUNTS_AT_ONCE = 2**22


@dataclass(frozen=True)
class SignalCodes:
    """The codes of one signal.

    Attributes:
        maps: For each code of a position, of all maps of a tokenizer, what the signal has of it.
        nominal_bits: Each at log2 of the codebook's size.
        count: How many codes there are.
    """

    maps: tuple[Int[np.ndarray, " _p"], ...]
    nominal_bits: float
    count: float

    @classmethod
    def of(cls, codes: Sequence[Int[torch.Tensor, "1 k ..."]], quantizers: Sequence[Quantizer]) -> SignalCodes:
        """As a tokenizer gives them, one map for each quantizer."""
        grids = [tuple(found.shape[2:]) for found in codes]
        pairs = list(zip(quantizers, grids, strict=True))
        return cls(
            tuple(
                of[0] for found, quantizer in zip(codes, quantizers, strict=True) for of in code_maps(found, quantizer)
            ),
            sum(nominal_bits(quantizer, grid) for quantizer, grid in pairs),
            sum(float(code_density(quantizer, grid).sum()) * float(np.prod(grid)) for quantizer, grid in pairs),
        )


@dataclass(frozen=True)
class CodeUse:
    """How the codes of a set of signals are used.

    Attributes:
        usage: Of each codebook, share of its codes that occur, (codebooks,).
        entropy: Of each codebook, empirical and of the first order, in bits.
        bits: What all codes cost at that.
        resampled_usage: On each resample of the signals, (codebooks, resamples).
        resampled_entropy: Likewise.
        resampled_bits: (resamples,)
    """

    usage: Float[np.ndarray, " c"]
    entropy: Float[np.ndarray, " c"]
    bits: float
    resampled_usage: Float[np.ndarray, "c r"]
    resampled_entropy: Float[np.ndarray, "c r"]
    resampled_bits: Float[np.ndarray, " r"]


def code_use(codes: Sequence[SignalCodes], codebook_size: int, draws: Int[np.ndarray, "r n"]) -> CodeUse:
    """Of all signals, and of each resample of them.

    Args:
        draws: how often each signal stands in each resample.
    """
    whole = np.ones((1, len(codes)), draws.dtype)
    found = [_use([of.maps[place] for of in codes], codebook_size, draws) for place in range(len(codes[0].maps))]
    once = [_use([of.maps[place] for of in codes], codebook_size, whole) for place in range(len(codes[0].maps))]
    usage, entropy, bits = (np.stack(each) for each in zip(*once, strict=True))
    resampled = [np.stack(each) for each in zip(*found, strict=True)]
    return CodeUse(usage[:, 0], entropy[:, 0], float(bits.sum()), resampled[0], resampled[1], resampled[2].sum(0))


def _use(
    signals: Sequence[Int[np.ndarray, " _p"]], codebook_size: int, draws: Int[np.ndarray, "r n"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Usage, entropy and bits of one codebook on each resample, (resamples,) each."""
    values = np.unique(np.concatenate(signals))
    counts = np.stack([np.bincount(np.searchsorted(values, of), minlength=len(values)) for of in signals])
    usage, entropy, bits = (np.empty(len(draws)) for _ in range(3))
    at_once = max(1, _COUNTS_AT_ONCE // len(values))
    for start in range(0, len(draws), at_once):
        for resample, drawn in enumerate(draws[start : start + at_once].astype(np.float64) @ counts, start):
            shares = drawn[drawn > 0] / drawn.sum()
            usage[resample] = len(shares) / codebook_size
            entropy[resample] = -(shares * np.log2(shares)).sum()
            bits[resample] = entropy[resample] * drawn.sum()
    return usage, entropy, bits
