"""Precision and recall of generated pictures (Kynkäänniemi et al. 2019) from their Inception features.

The manifold of a set is the union of balls around its points, each reaching to the point's k-th nearest neighbour.
Precision is the share of generated points in the manifold of the real ones, recall the reverse.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

NEIGHBOURS = 3
"""k, as the authors have it."""

_ROWS_AT_ONCE = 1024

_SAME = 1e-12
"""Squared distances that differ by less, as a share of both points' squared norms, are equal: what is left of float64
rounding. A generator that collapsed gives equal features, and radii of 0."""


class PrecisionRecall(NamedTuple):
    """Both in [0, 1]."""

    precision: float
    recall: float


class _Block(NamedTuple):
    rows: slice
    columns: slice
    distances: Float[Tensor, "r c"]
    same: Float[Tensor, "r c"]


def _blocks(a: Float[Tensor, "n d"], b: Float[Tensor, "m d"]) -> Iterator[_Block]:
    """Squared distances in float64, a block of rows against a block of columns at a time, and what counts as none."""
    norms_a, norms_b = ((each * each).sum(1) for each in (a, b))
    for row in range(0, len(a), _ROWS_AT_ONCE):
        rows = slice(row, row + _ROWS_AT_ONCE)
        for column in range(0, len(b), _ROWS_AT_ONCE):
            columns = slice(column, column + _ROWS_AT_ONCE)
            norms = norms_a[rows, None] + norms_b[columns]
            distances = torch.addmm(norms, a[rows], b[columns].T, alpha=-2)
            yield _Block(rows, columns, distances, _SAME * norms)


def squared_radii(points: Float[Tensor, "n d"], neighbours: int = NEIGHBOURS) -> Float[Tensor, " n"]:
    """Squared distance of each point (float64) to its k-th nearest neighbour, itself not counted."""
    nearest = points.new_full((len(points), neighbours + 1), torch.inf)
    for rows, _, distances, _ in _blocks(points, points):
        candidates = torch.cat([nearest[rows], distances], 1)
        nearest[rows] = candidates.topk(neighbours + 1, largest=False).values
    return nearest[:, -1].clamp(min=0)


def covered(
    a: Float[Tensor, "n d"], b: Float[Tensor, "m d"], radii_a: Float[Tensor, " n"], radii_b: Float[Tensor, " m"]
) -> tuple[Bool[Tensor, " n"], Bool[Tensor, " m"]]:
    """Whether each point of one set lies in any ball around the other's: a's in b's, and b's in a's. The edge is
    inside; radii are squared."""
    a_found, b_found = (torch.zeros(len(each), dtype=torch.bool, device=each.device) for each in (a, b))
    for rows, columns, distances, same in _blocks(a, b):
        distances = distances - same
        a_found[rows] |= (distances <= radii_b[columns]).any(1)
        b_found[columns] |= (distances <= radii_a[rows, None]).any(0)
    return a_found, b_found


def precision_recall(
    real: Float[Tensor, "n d"], generated: Float[Tensor, "m d"], neighbours: int = NEIGHBOURS
) -> PrecisionRecall:
    """Precision and recall of generated features beside real ones. ValueError for a set without k neighbours."""
    if min(len(real), len(generated)) <= neighbours:
        raise ValueError(
            f"precision and recall need more than {neighbours} pictures of each kind, "
            f"got {len(real)} real and {len(generated)} generated"
        )
    real, generated = real.double(), generated.double()
    centre = real.mean(0)  # distances are the same, and rounding is less
    real, generated = real - centre, generated - centre
    radii = (squared_radii(points, neighbours) for points in (generated, real))
    precise, recalled = covered(generated, real, *radii)
    return PrecisionRecall(precise.double().mean().item(), recalled.double().mean().item())
