"""How a tokenizer uses its codes over a test set: usage, perplexity and empirical entropy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import csr_array
from torch import Tensor

from benchmarks.metrics.fid import FeatureSums
from quantizers import Quantizer

DENSE_CODEBOOK = 2**20  # the largest codebook whose counts are also given as one array

ROUNDING = 1e-10
"""Share of the mean square of vectors that is taken for what summing many of them in float64 has lost."""

_CODES_AT_ONCE = 2**20
_COUNTS_AT_ONCE = 2**22


@dataclass(frozen=True)
class CodeHistogram:
    """How often each code occurred, kept only for the codes that did: a codebook may be implicit and huge.

    One pair of arrays per code of a position (residual quantizers have several): the codes seen, ascending,
    and how often.
    """

    codes: tuple[np.ndarray, ...]
    counts: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, maps: Sequence[Int[np.ndarray, "n _p"]]) -> CodeHistogram:
        """Histogram of the codes of n pictures, as `code_maps` gives them."""
        seen = [np.unique(found, return_counts=True) for found in maps]
        return cls(tuple(values for values, _ in seen), tuple(counts for _, counts in seen))

    def usage(self, codebook_size: int) -> float:
        """Codes used / codes, in [0, 1]; the mean over the codes of a position."""
        return float(np.mean([len(codes) for codes in self.codes])) / codebook_size

    def entropies(self) -> np.ndarray:
        """Empirical first-order entropy in bits of each code of a position, (codes_per_position,)."""
        shares = [counts / counts.sum() for counts in self.counts]
        return np.array([float(-(p * np.log2(p)).sum()) for p in shares])

    def perplexity(self) -> float:
        """2^entropy, in [1, codebook_size]; the mean over the codes of a position."""
        return float(np.exp2(self.entropies()).mean())

    def dense(self, codebook_size: int) -> np.ndarray | None:
        """Counts as int64 (codes_per_position, codebook_size); None above `DENSE_CODEBOOK` codes."""
        if codebook_size > DENSE_CODEBOOK:
            return None
        table = np.zeros((len(self.codes), codebook_size), np.int64)
        for row, codes, counts in zip(table, self.codes, self.counts, strict=True):
            row[codes] = counts
        return table


def code_maps(codes: Int[Tensor, "b c *spatial"], quantizer: Quantizer) -> list[Int[np.ndarray, "b _p"]]:
    """For each code of a position, what each picture has of it; a code that several positions share counts once."""
    maps = quantizer.code_maps(codes)
    smallest = next(
        kind for kind in (np.int16, np.int32, np.int64) if quantizer.codebook_size - 1 <= np.iinfo(kind).max
    )
    return [found.flatten(1).cpu().numpy().astype(smallest) for found in maps]


def resampled_usage(
    maps: Sequence[Int[np.ndarray, "n _p"]], draws: Int[np.ndarray, "r n"], codebook_size: int
) -> tuple[Float[np.ndarray, "c r"], Float[np.ndarray, "c r"]]:
    """Usage and empirical entropy in bits of each code of a position on each resample of the pictures."""
    usages, entropies = [], []
    for found in maps:
        values = np.unique(found)
        columns = _columns(found, values)
        usage, entropy = np.empty(len(draws)), np.empty(len(draws))
        at_once = max(1, _COUNTS_AT_ONCE // len(values))  # a codebook may be as large as the test set
        for start in range(0, len(draws), at_once):
            some = slice(start, start + at_once)
            for resample, counts in enumerate(_drawn_counts(columns, len(values), draws[some]), start):
                p = counts[counts > 0] / found.size
                usage[resample], entropy[resample] = len(p) / codebook_size, -(p * np.log2(p)).sum()
        usages.append(usage)
        entropies.append(entropy)
    return np.stack(usages), np.stack(entropies)


def _columns(found: Int[np.ndarray, "n p"], values: Int[np.ndarray, " v"]) -> Int[np.ndarray, "n p"]:
    """Where each code stands among the values."""
    columns = np.empty(found.shape, np.int32)
    for start in range(0, len(found), block := _pictures_at_once(found)):
        columns[start : start + block] = np.searchsorted(values, found[start : start + block])
    return columns


def _drawn_counts(
    columns: Int[np.ndarray, "n p"], values: int, draws: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r v"]:
    """How often each value occurs in each resample; whole numbers, so the order of the sum is of no matter."""
    counts = np.zeros((len(draws), values))
    for start in range(0, len(columns), block := _pictures_at_once(columns)):
        some = columns[start : start + block]
        row_ends = np.arange(len(some) + 1, dtype=np.int32) * some.shape[1]
        by_picture = csr_array((np.ones(some.size), some.ravel(), row_ends), shape=(len(some), values))
        counts += draws[:, start : start + block] @ by_picture
    return counts


def _pictures_at_once(found: np.ndarray) -> int:
    return max(1, _CODES_AT_ONCE // found.shape[1])


def effective_rank(latents: FeatureSums) -> float:
    """Dimensions that vectors spread over, from 1 to their width: the exponential of the entropy of the singular values
    of the centred vectors, as shares of their sum (Roy and Vetterli 2007); 1 where all vectors are one."""
    mean, moments = latents.total / latents.count, latents.outer / latents.count
    variances = torch.linalg.eigvalsh(moments - torch.outer(mean, mean))
    # What the subtraction leaves of equal vectors is rounding, and no dimension.
    variances[variances < ROUNDING * moments.trace()] = 0
    if not variances.any():
        return 1.0
    values = variances.sqrt()
    return float(torch.special.entr(values / values.sum()).sum().exp())


def code_density(quantizer: Quantizer, spatial: Sequence[int]) -> np.ndarray:
    """Codes of each kind per position of the grid, (codes_per_position,): 1 unless several positions share one."""
    if hasattr(quantizer, "code_density"):
        return np.array(quantizer.code_density(spatial))
    return np.ones(quantizer.codes_per_position)


def nominal_bits(quantizer: Quantizer, spatial: Sequence[int]) -> float:
    """Bits of the codes of a grid, each at log2(codebook_size); `bits_per_position` where no position shares one."""
    density = code_density(quantizer, spatial)
    shared = (density < 1).any()
    bits = float(density.sum()) * math.log2(quantizer.codebook_size) if shared else quantizer.bits_per_position
    return bits * math.prod(spatial)


def picture_bits(
    bits: Float[np.ndarray, " c *r"], spread: Sequence[tuple[Quantizer, Sequence[int]]]
) -> Float[np.ndarray, "*r"]:
    """Bits of a picture from those of its codes, (codes of all maps, ...); `spread` is the quantizer and the grid of
    each map."""
    total = np.zeros(bits.shape[1:])
    for quantizer, grid in spread:
        density = code_density(quantizer, grid)
        total = total + density @ bits[: len(density)] * math.prod(grid)
        bits = bits[len(density) :]
    return total


class Rate(Protocol):
    """What a quantizer says of its codes, and the record of one."""

    @property
    def dim(self) -> int | None: ...
    @property
    def codebook_size(self) -> int | None: ...
    @property
    def codes_per_position(self) -> int | None: ...


def has_codebook(quantizer: Rate) -> bool:
    """False for the row without a quantizer, whose "codes" are the channels themselves as 32-bit floats."""
    return not ((quantizer.codebook_size or 0) >= 2**32 and quantizer.codes_per_position == quantizer.dim)
