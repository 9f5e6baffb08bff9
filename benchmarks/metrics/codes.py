"""How a tokenizer uses its codes over a test set: usage, perplexity and empirical entropy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from torch import Tensor

from quantizers import Quantizer

DENSE_CODEBOOK = 2**20  # the largest codebook whose counts are also given as one array


@dataclass(frozen=True)
class CodeHistogram:
    """How often each code occurred, kept only for the codes that did: a codebook may be implicit and huge.

    One pair of arrays per code of a position (residual quantizers have several): the codes seen, ascending,
    and how often. Histograms of parts of a test set merge into the whole's.
    """

    codes: tuple[np.ndarray, ...]
    counts: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, codes: Int[Tensor, "b c *spatial"], quantizer: Quantizer | None = None) -> CodeHistogram:
        """Histogram of a batch of codes; with their quantizer, of a code that several positions share counted once."""
        code_maps = getattr(quantizer, "code_maps", None)
        maps = codes.unbind(1) if code_maps is None else code_maps(codes)
        seen = [found.unique(return_counts=True) for found in maps]
        return cls(
            tuple(values.cpu().numpy() for values, _ in seen),
            tuple(counts.cpu().numpy() for _, counts in seen),
        )

    @classmethod
    def merge(cls, parts: Sequence[CodeHistogram]) -> CodeHistogram:
        """Histogram of all that the parts counted; at least one part."""
        merged_codes, merged_counts = [], []
        for codes, counts in zip(
            zip(*(part.codes for part in parts), strict=True),
            zip(*(part.counts for part in parts), strict=True),
            strict=True,
        ):
            values, where = np.unique(np.concatenate(codes), return_inverse=True)
            total = np.zeros(len(values), np.int64)
            np.add.at(total, where, np.concatenate(counts))
            merged_codes.append(values)
            merged_counts.append(total)
        return cls(tuple(merged_codes), tuple(merged_counts))

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


def has_codebook(quantizer: Quantizer) -> bool:
    """False for the row without a quantizer, whose "codes" are the channels themselves as 32-bit floats."""
    return not (quantizer.codebook_size >= 2**32 and quantizer.codes_per_position == quantizer.dim)
