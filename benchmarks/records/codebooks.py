"""How each code of a position is used, from what is stored beside a run: each scale of `multi-scale`, each depth of
`rq`, each map of a VQ-VAE-2."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import entr

from benchmarks.records.arrays import read_arrays
from storage.paths import StrPath


class CodebookUse(NamedTuple):
    """Of each code of a position, over the test set.

    Attributes:
        usage: Share of its values that occur, in [0, 1].
        perplexity: 2^entropy of these, from 1 on.
        possible: The largest usage that so many codes could show: below 1 where fewer were counted than there are
            values, as of a coarse scale, which has few codes to a picture. NaN where their number is not stored.
    """

    usage: Float[np.ndarray, " c"]
    perplexity: Float[np.ndarray, " c"]
    possible: Float[np.ndarray, " c"]


def codebook_use(path: StrPath) -> CodebookUse | None:
    """From the arrays beside a run's record at `path`; None where nothing is stored of codes.

    Raises:
        RecordError: the arrays are damaged.
    """
    arrays = read_arrays(path, ("code_counts", "codebooks"))
    if "code_counts" in arrays:
        counts = arrays["code_counts"].astype(float)
        counted, size = counts.sum(1), counts.shape[1]
        entropy = entr(counts / counted[:, None]).sum(1)
        return CodebookUse((counts > 0).mean(1), np.exp(entropy), np.minimum(counted / size, 1))
    if "codebooks/usage" in arrays:
        usage = arrays["codebooks/usage"]
        return CodebookUse(usage, arrays["codebooks/perplexity"], np.full(usage.shape, np.nan))
    return None


def mean_use(uses: list[CodebookUse]) -> CodebookUse:
    """The mean over runs of one method, of equally many codes."""
    return CodebookUse(*(np.mean(of, 0) for of in zip(*uses, strict=True)))
