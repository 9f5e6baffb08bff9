"""How sure a number is, and whether a difference between two rows is real.

A row's number could have come out otherwise for two reasons: other seeds, and other pictures in the test set. Each
gives a variance of the row's mean; their sum has t quantiles with the degrees of freedom of Welch and Satterthwaite.
That keeps the error at 5 % with as few as three seeds, where a plain bootstrap over seeds is far too sure of itself.

- Seeds: their sample variance over their number; 0 for a row that is not trained, unknown below three seeds.
- Pictures: the variance of the row's mean over the fixed bootstrap resamples of the test set
  (`benchmarks.records.resampling`).

Two rows on the same pictures have the same resamples. The pictures' part of their difference is therefore the variance
of the resampled differences: what both owe to the same pictures cancels. Their seeds are trainings of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import stdtr, stdtrit

CONFIDENCE = 0.95

FEWEST_SEEDS = 3
"""With two, the error of small p values is several times what they say."""


@dataclass(frozen=True)
class Measured:
    """One metric of one row.

    Attributes:
        seeds: (S,) the metric of each seed's tokenizer on the whole test set.
        resampled: (R,) the mean over seeds on each resample of the pictures; None where that was not stored.
        trained: False for a baseline, which another seed leaves as it is.
    """

    seeds: Float[np.ndarray, " s"]
    resampled: Float[np.ndarray, " r"] | None
    trained: bool = True


class Differences(NamedTuple):
    """Row minus column for all rows of a table; not a number where it cannot be had.

    Attributes:
        estimate: of the means.
        half_width: of the 95 % interval around the estimate.
        p: probability of an estimate at least as far from 0 if there were no difference, pair by pair.
    """

    estimate: Float[np.ndarray, "k k"]
    half_width: Float[np.ndarray, "k k"]
    p: Float[np.ndarray, "k k"]


def means(rows: Sequence[Measured]) -> Float[np.ndarray, " k"]:
    """The means over seeds."""
    return np.array([row.seeds.mean() for row in rows])


def half_widths(rows: Sequence[Measured]) -> Float[np.ndarray, " k"]:
    """Of each mean's own 95 % interval over seeds and pictures."""
    resampled = _stack(rows)
    parts = (_seed_parts(rows), (resampled.var(1, ddof=1), np.full(len(rows), resampled.shape[1] - 1.0)))
    return _half_width(*_total(*parts))


def differences(rows: Sequence[Measured]) -> Differences:
    """Every two rows compared, paired picture by picture."""
    resampled = _stack(rows)
    covariance = np.atleast_2d(np.cov(resampled))
    own = np.diag(covariance)
    pictures = (own[:, None] + own - 2 * covariance).clip(min=0)  # rounding may go below
    seeds, freedom = np.broadcast_arrays(*(part[:, None] for part in _seed_parts(rows)), pictures)[:2]
    pairs = (seeds, freedom), (seeds.T, freedom.T), (pictures, np.full_like(pictures, resampled.shape[1] - 1.0))
    variance, freedom = _total(*pairs)
    estimate = means(rows)[:, None] - means(rows)
    return Differences(estimate, _half_width(variance, freedom), _two_sided(estimate, variance, freedom))


def adjust(p: Float[np.ndarray, "k k"]) -> Float[np.ndarray, "k k"]:
    """The p values of all pairs of a table at once (Benjamini and Hochberg 1995).

    Of the pairs called different below 5 %, at most 5 % are not on average; where all rows are equal, at least 95 % of
    tables call no pair different.
    """
    upper = np.triu_indices(len(p), 1)
    values = p[upper]
    known = ~np.isnan(values)
    order = np.flatnonzero(known)[np.argsort(values[known])]
    expected = values[order] * len(order) / np.arange(1, len(order) + 1)
    values[order] = np.minimum(np.minimum.accumulate(expected[::-1])[::-1], 1)
    result = np.full_like(p, np.nan)
    result[upper] = values
    return np.fmax(result, result.T)


def wins(rows: Sequence[Measured], higher_is_better: bool) -> Bool[np.ndarray, "k k"]:
    """Which row beats which column: the better mean, by a difference that is real among all pairs of the table."""
    found = differences(rows)
    better = found.estimate > 0 if higher_is_better else found.estimate < 0
    return better & (adjust(found.p) < 1 - CONFIDENCE)


def best(rows: Sequence[Measured], higher_is_better: bool) -> Bool[np.ndarray, " k"]:
    """The row with the best mean, and all that a test does not tell from it; none where no test against it is possible,
    and never a row that has none: nobody knows whether the best beats it."""
    values = means(rows)
    if np.isnan(values).all() or all(row.resampled is None for row in rows):  # the second: there is no test at all
        return np.zeros(len(rows), bool)
    first = np.nanargmax(values if higher_is_better else -values)
    p = adjust(differences(rows).p)[first]
    marks = p >= 1 - CONFIDENCE
    marks[first] = not np.isnan(p).all()
    return marks


def _stack(rows: Sequence[Measured]) -> Float[np.ndarray, "k r"]:
    """The resampled means of all rows, not a number where a row has none."""
    length = max((len(row.resampled) for row in rows if row.resampled is not None), default=2)
    unknown = np.full(length, np.nan)
    return np.stack([unknown if row.resampled is None else row.resampled for row in rows])


def _seed_parts(rows: Sequence[Measured]) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " k"]]:
    """Variances of the means over seeds, and their degrees of freedom."""
    counts = np.array([len(row.seeds) for row in rows])
    variances = [row.seeds.var(ddof=1) / len(row.seeds) if len(row.seeds) >= FEWEST_SEEDS else np.nan for row in rows]
    trained = np.array([row.trained for row in rows])
    return np.where(trained, variances, 0.0), np.maximum(counts - 1.0, 1.0)


def _total(*parts: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Sum of variances, and its degrees of freedom."""
    total = np.sum([variance for variance, _ in parts], 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = total**2 / np.sum([variance**2 / freedom for variance, freedom in parts], 0)
    return total, np.where(total == 0, 1.0, freedom)


def _half_width(variance: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    return stdtrit(freedom, (1 + CONFIDENCE) / 2) * np.sqrt(variance)


def _two_sided(estimate: np.ndarray, variance: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Probability of a t value at least as far from 0; 1 where there is neither difference nor variance."""
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.where(estimate == 0, 0.0, np.abs(estimate) / np.sqrt(variance))
    return np.where(np.isnan(variance), np.nan, 2 * stdtr(freedom, -t))


class Correlation(NamedTuple):
    """Spearman's rank correlation, with its 95 % interval."""

    estimate: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.estimate:.2f} ({self.low:.2f} to {self.high:.2f})"


DRAWS = 2_000
"""Of seeds, for the interval of a correlation; each on one resample of the pictures."""


def rank_correlation(
    one: Sequence[Float[np.ndarray, "s r"]], other: Sequence[Float[np.ndarray, "s2 r"]]
) -> Correlation:
    """How far two measurements of the same rows put them in one order.

    The interval is the middle 95 % over resamples of the pictures and, of rows with several seeds, of these. Where rows
    have one seed, what another would have given is not in it.

    Args:
        one: of each row, the metric of each seed on each resample of the pictures.
        other: the same on another occasion; the same resamples.
    """
    from scipy.stats import spearmanr  # takes a second, for which tables do not wait

    generator = np.random.default_rng(0)

    def drawn(rows: Sequence[np.ndarray], resample: int) -> list[float]:
        return [float(generator.choice(row[:, resample], len(row)).mean()) for row in rows]

    found = [
        spearmanr(drawn(one, place), drawn(other, place)).statistic
        for place in (draw % one[0].shape[1] for draw in range(DRAWS))
    ]
    estimate = spearmanr([row.mean() for row in one], [row.mean() for row in other]).statistic
    low, high = np.nanquantile(found, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Correlation(float(estimate), float(low), float(high))
