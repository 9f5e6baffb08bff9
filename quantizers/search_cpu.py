"""Exact nearest-code search on a CPU: products in tiles, vectorised maxima, and a certificate for every row.

argmin |z - e|^2 = argmax (z.e - |e|^2 / 2): one `addmm` per tile that stays in cache. torch's `max` with an index is
not vectorised on a CPU and costs more than the product; `amax` is. So number the codes GROUP * group + member, and take
from a tile, for each row, the maximum of every group and the maximum of every member over the groups. They tell which
code is best and whether any other comes close: where one group and one member alone reach the best score within
rounding, their code is the nearest.

In the other rows every pair of a group and a member that do is a candidate, and distances in float64 decide. These
rows are few unless codes are duplicated or norms are extreme.
"""

from math import ceil, gcd, sqrt

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

GROUP = 64
"""Codes per group."""

SECTIONS = 4
"""Parts of a tile whose member maxima are taken apart: threads then read what they wrote in the product, each a run of
codes, and not each other's caches, which can take longer than the product."""

TILE_CODES = 2048
SCORES_PER_THREAD = 2**19
"""A tile's scores: 2 MB per thread in float32, near the size of its cache, and enough to outweigh the calls."""

ROW_CODES = 2**28
"""Rows of a tile times all codes: the maxima that are kept for them are a tenth of it, at most 100 MB in float32."""

CANDIDATES = 2**20
"""Candidates compared at a time at most, and elements of their vectors."""

MANY_CANDIDATES = 64
"""For a row, on average, from which a product with all codes in float64 takes less time."""


def search_cpu(rows: Float[Tensor, "n d"], codes: Float[Tensor, "k d"]) -> Int64[Tensor, " n"]:
    """Index of the code nearest to each row, the lowest among equally near ones.

    Args:
        rows, codes: both float32 or both float64, of at least one row and one code.
    """
    count, dim = rows.shape
    size = codes.shape[0]
    groups = ceil(size / GROUP)
    height, width = _tile_shape(count, groups * GROUP)

    centre = codes.mean(0)  # an offset that all vectors share would cost digits of every score
    vectors = codes.new_zeros(groups * GROUP, dim)
    torch.sub(codes, centre, out=vectors[:size])
    norms = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    largest_norm = norms.amax()
    rounding_per_norm = largest_norm * _relative_rounding(dim, rows.dtype)
    least_rounding = rounding_per_norm * largest_norm + 2 * dim * torch.finfo(rows.dtype).tiny
    bias = norms.square_().mul_(-0.5)
    bias[size:] = -torch.inf

    # made once: fresh memory for every tile would cost more than the maxima
    shifted = rows.new_empty(height, dim)
    scores = rows.new_empty(width, height)
    group_maxima = rows.new_empty(groups, height)
    tiles = list(zip(vectors.split(width), bias.split(width), group_maxima.split(width // GROUP), strict=True))
    sections = [gcd(maxima.shape[0], SECTIONS) for _, _, maxima in tiles]
    section_maxima = rows.new_empty(sum(sections), GROUP, height)
    member_maxima = rows.new_empty(GROUP, height)
    group_numbers, member_numbers = _ones_and_numbers(groups, rows.dtype), _ones_and_numbers(GROUP, rows.dtype)

    index = torch.empty(count, dtype=torch.int64)
    for start in range(0, count, height):
        start = min(start, count - height)  # the last tile is as high as the others and overlaps the one before
        tile = rows[start : start + height]
        torch.sub(tile, centre, out=shifted)
        for (tile_codes, tile_bias, of_groups), of_sections in zip(tiles, section_maxima.split(sections), strict=True):
            tile_scores = scores[: tile_codes.shape[0]]
            torch.addmm(tile_bias, tile_codes, shifted.T, out=tile_scores)
            torch.amax(tile_scores.view(-1, GROUP, height), 1, out=of_groups)
            torch.amax(tile_scores.view(of_sections.shape[0], -1, GROUP, height), 1, out=of_sections)
        torch.amax(section_maxima, 0, out=member_maxima)

        norm = torch.linalg.vector_norm(shifted, dim=1)
        threshold = torch.addcmul(member_maxima.amax(0) - least_rounding, norm, rounding_per_norm, value=-1)
        group_reaches, member_reaches = group_maxima.ge_(threshold), member_maxima.ge_(threshold)  # 1 or 0, in place
        group_count, group = group_numbers @ group_reaches
        member_count, member = member_numbers @ member_reaches
        found = index[start : start + height].copy_(torch.add(member, group, alpha=GROUP))
        close = torch.nonzero(group_count * member_count != 1).squeeze(1)
        if close.numel():
            overflowed = ~threshold[close].isfinite()  # scores mean nothing there: all codes are candidates
            found[close] = _nearest_candidate(
                tile[close],
                codes,
                (group_reaches[:, close] > 0) | overflowed,
                (member_reaches[:, close] > 0) | overflowed,
            )
    return index


def _tile_shape(rows: int, codes: int) -> tuple[int, int]:
    """Rows and codes of a tile; codes are a multiple of GROUP."""
    scores = SCORES_PER_THREAD * torch.get_num_threads()
    height = min(rows, max(1, ROW_CODES // codes))
    width = min(codes, max(TILE_CODES, scores // height // GROUP * GROUP))
    height = min(height, max(1, scores // width))
    return ceil(rows / ceil(rows / height)), width


def _ones_and_numbers(size: int, dtype: torch.dtype) -> Float[Tensor, "2 size"]:
    """Times a matrix of ones and zeros: how many ones a column has, and, where it is one, in which row."""
    return torch.stack([torch.ones(size, dtype=dtype), torch.arange(size, dtype=dtype)])


def _relative_rounding(dim: int, dtype: torch.dtype) -> float:
    """By how much two scores that should be equal can differ, over (|z| + |e|) |e| for the longest code e.

    Errors of a sum of D products grow as sqrt(D) (Higham and Mary 2019, doi:10.1137/18M1226312), the rest is for
    the centring, the squares and the sum of both.
    """
    return (8 + 2 * sqrt(dim)) * torch.finfo(dtype).eps


def _nearest_candidate(
    rows: Float[Tensor, "n d"], codes: Float[Tensor, "k d"], groups: Bool[Tensor, "a n"], members: Bool[Tensor, "g n"]
) -> Int64[Tensor, " n"]:
    """The nearest in float64 of the codes GROUP * group + member for all pairs that are set."""
    candidates = int((groups.sum(0) * members.sum(0)).sum())
    if candidates > MANY_CANDIDATES * rows.shape[0]:
        return _nearest_of_distinct(rows.double(), codes)
    size = codes.shape[0]
    index = torch.full((rows.shape[0],), size - 1)
    step = max(1, CANDIDATES // size)
    for start in range(0, rows.shape[0], step):
        row, group = groups[:, start : start + step].T.nonzero(as_tuple=True)
        pair, member = members[:, start : start + step].T[row].nonzero(as_tuple=True)
        row, code = row[pair] + start, group[pair] * GROUP + member
        row, code = row[code < size], code[code < size]
        _take_nearest(index, rows, codes, row, code, code)
    return index


def _nearest_of_distinct(rows: Float64[Tensor, "n d"], codes: Float[Tensor, "k d"]) -> Int64[Tensor, " n"]:
    """The nearest in float64, where most codes are equal or nearly so: float64 products among those that differ."""
    distinct, which = codes.unique(dim=0, return_inverse=True)
    first = torch.full((distinct.shape[0],), codes.shape[0])
    first.scatter_reduce_(0, which, torch.arange(codes.shape[0]), "amin")
    distinct = distinct.double()
    centre = distinct.mean(0)
    vectors = distinct - centre
    norms = torch.linalg.vector_norm(vectors, dim=1)
    bias, largest_norm = norms.square() / -2, norms.amax()
    index = torch.full((rows.shape[0],), codes.shape[0] - 1)
    step = max(1, CANDIDATES // distinct.shape[0])
    for start in range(0, rows.shape[0], step):
        shifted = rows[start : start + step] - centre
        scores = torch.addmm(bias, shifted, vectors.T)
        reach = torch.linalg.vector_norm(shifted, dim=1).add_(largest_norm).mul_(largest_norm)
        threshold = scores.amax(1) - reach * _relative_rounding(codes.shape[1], torch.float64)
        row, code = torch.nonzero(scores >= threshold.unsqueeze(1), as_tuple=True)
        _take_nearest(index, rows, distinct, row + start, code, first[code])
    return index


def _take_nearest(
    index: Int64[Tensor, " n"],
    rows: Float[Tensor, "n d"],
    codes: Float[Tensor, "k d"],
    row: Int64[Tensor, " p"],
    code: Int64[Tensor, " p"],
    number: Int64[Tensor, " p"],
) -> None:
    """Set `index` of each row to the least `number` of its nearest among the pairs of a row and a code."""
    step = CANDIDATES // codes.shape[1] + 1
    distance = torch.cat(
        [
            (rows[some_rows].double() - codes[some_codes].double()).square_().sum(1)
            for some_rows, some_codes in zip(row.split(step), code.split(step), strict=True)
        ]
    )
    least = distance.new_full(index.shape, torch.inf).scatter_reduce_(0, row, distance, "amin")
    nearest = distance == least[row]
    index.scatter_reduce_(0, row[nearest], number[nearest], "amin")
