"""k-means on the global batch of all ranks, in memory of the order of the data: no N x K and no N x K x D tensor."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from quantizers.distributed import place_of_rows, sum_over_ranks
from quantizers.entropy import count_codes
from quantizers.search import nearest_codes

SLOTS = 2**31
"""Positions in the global batch are fractions of this; integers, so that every rank finds the same row."""

GOLDEN = round(SLOTS * (5**0.5 - 1) / 2)
"""The golden ratio as such a fraction: multiples of it fall evenly, and in step with no period of the data."""

CANDIDATES = 8
"""Rows per centre that the seeds are chosen from."""

GROWTH = 32
"""A round of seeding adds one centre for every so many that there are."""


def offer_rows(
    rows: Float[Tensor, "n d"], wanted: Bool[Tensor, " k"], step: Int64[Tensor, ""] | int = 0
) -> tuple[Float[Tensor, " k"], Float[Tensor, "k d"]]:
    """This rank's share of one row of the global batch for every wanted code.

    Summed over ranks, the flags are 1 where a row was found, and the rows are those of one rank with the whole
    batch: one from every one of as many equal parts of it as codes are wanted, where in the part by a golden-ratio
    sequence (plain even spacing would take the same column of every picture).

    Args:
        rows: this rank's part of the batch; ranks hold consecutive parts.
        wanted: which codes need a row.
        step: varies the choice.
    """
    flags, offers = rows.new_zeros(wanted.shape[0]), rows.new_zeros(wanted.shape[0], rows.shape[1])
    first, total = place_of_rows(rows)
    if rows.shape[0] == 0:
        return flags, offers
    part = SLOTS // wanted.sum().clamp_min(1)
    number = wanted.cumsum(0) - 1
    within = (number + step) * GOLDEN % SLOTS * part // SLOTS
    row = (number * part + within) * total // SLOTS - first
    mine = wanted & (row >= 0) & (row < rows.shape[0])
    return mine.to(rows.dtype), torch.where(mine.unsqueeze(1), rows[row.clamp(0, rows.shape[0] - 1)], offers)


def kmeans(
    rows: Float[Tensor, "n d"],
    size: int,
    iterations: int,
    count: int,
    project: Callable[[Tensor], Tensor] = lambda centres: centres,
) -> tuple[Float[Tensor, "k d"], Float[Tensor, " k"]]:
    """Lloyd's algorithm on the global batch from k-means++ seeds; the same centres and counts on every rank.

    With no more rows than centres every row is one. A centre that gets no row stays where it was, with count 0.

    Args:
        rows: this rank's part of the batch.
        size: number of centres.
        iterations: Lloyd steps.
        count: rows of the global batch, at least 1.
        project: where centres are brought back to after each step, e.g. the unit sphere.
    """
    (candidates,) = sum_over_ranks([offer_rows(rows, _all_of(rows, min(count, CANDIDATES * size)))[1]])
    centres = project(kmeans_plus_plus(candidates, size))
    counts = rows.new_zeros(size)
    for _ in range(iterations):
        codes = nearest_codes(rows, centres)
        counts, sums = sum_over_ranks(
            [count_codes(codes, size, rows.dtype), torch.zeros_like(centres).index_add_(0, codes, rows)]
        )
        means = project(sums / counts.clamp_min(1).unsqueeze(1))
        centres = torch.where(counts.unsqueeze(1) > 0, means, centres)
    return centres, counts


def kmeans_plus_plus(rows: Float[Tensor, "n d"], size: int) -> Float[Tensor, "k d"]:
    """Centres far apart, chosen among the rows with probability proportional to the squared distance from the
    nearest centre so far (Arthur and Vassilvitskii 2007).

    Deterministic: a golden-ratio sequence stands for the random numbers, so that all ranks choose alike. Once there
    are many centres several are drawn at a time, one from each equal share of the summed distances; drawn one by one,
    16,384 of them would take as many rounds. With fewer rows than centres all are taken, in turn.
    """
    count = rows.shape[0]
    if count <= size:
        return rows[torch.arange(size, device=rows.device) % count]
    centres = rows[count // 2 : count // 2 + 1]
    distances = (rows - centres).square().sum(1)
    while len(centres) < size:
        number = min(size - len(centres), max(1, len(centres) // GROWTH))
        summed = distances.double().cumsum(0)
        if summed[-1] == 0:  # every row is a centre by now; the rest are repeats, which would take long to tell apart
            return torch.cat([centres, rows[: size - len(centres)]])
        offset = len(centres) * GOLDEN % SLOTS / SLOTS
        points = (torch.arange(number, device=rows.device) + offset) / number * summed[-1]
        chosen = rows[torch.searchsorted(summed, points, right=True).clamp_max(count - 1)]
        distances = torch.minimum(distances, (rows - chosen[nearest_codes(rows, chosen)]).square().sum(1))
        centres = torch.cat([centres, chosen])
    return centres


def _all_of(rows: Float[Tensor, "n d"], number: int) -> Bool[Tensor, " k"]:
    return rows.new_ones(number, dtype=torch.bool)
