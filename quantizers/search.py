"""Exact nearest-code search without an N x K matrix.

argmin |z - e|^2 = argmax (z.e - |e|^2 / 2): one `addmm` per tile that stays in cache and a running maximum.
Codes lie on a tile's first axis in groups: `amax` over each group is vectorised where `max` with an index is
not, so an index is looked for among the group maxima only, and then inside the winning group.

The products are float32, whose rounding can swap two codes at almost the same distance. So the search also keeps
the runner-up, and rows whose two best scores are closer than rounding are decided again in float64, by the
distances themselves. These rows are few unless codes are duplicated or norms are extreme. On CUDA, where choosing
them would cost a host sync, the float32 answer stands.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

GROUP = 16
"""Codes per group of the two-level maximum."""

REFINED_ELEMENTS = 2**22
"""Elements of the largest float64 tensor that the decision of close rows makes at a time."""


class Best(NamedTuple):
    """Largest score of each row, where it is, and the largest of all other scores."""

    score: Float[Tensor, "n"]
    code: Int64[Tensor, "n"]
    runner_up: Float[Tensor, "n"]


@torch.no_grad()
def nearest_codes(rows: Float[Tensor, "n d"], codes: Float[Tensor, "k d"]) -> Int64[Tensor, "n"]:
    """Index of the code nearest to each row in Euclidean distance; the lowest index among equally near ones.

    Computes in float32, in float64 if either input is, and never lower, whatever autocast says.

    Raises:
        ValueError: not two matrices with one width, or no code to choose from.
    """
    if rows.ndim != 2 or codes.ndim != 2 or rows.shape[1] != codes.shape[1]:
        raise ValueError(
            f"rows and codes must be (N, D) and (K, D) with one D, got {tuple(rows.shape)} and {tuple(codes.shape)}"
        )
    if codes.shape[0] == 0:
        raise ValueError("codes must hold at least one code, got none")
    dtype = torch.promote_types(torch.promote_types(rows.dtype, codes.dtype), torch.float32)
    search = _search_in_graph if torch.compiler.is_compiling() else _search
    if rows.shape[0] == 0:
        return torch.zeros(0, dtype=torch.int64, device=rows.device)
    with torch.autocast(rows.device.type, enabled=False):
        return search(rows.to(dtype), codes.to(dtype))


def _search(rows: Float[Tensor, "n d"], codes: Float[Tensor, "k d"]) -> Int64[Tensor, "n"]:
    size = codes.shape[0]
    centre = codes.mean(0)  # an offset that all vectors share would cancel digits of every score
    centred = codes - centre
    half_norms = centred.square().sum(1, keepdim=True) / 2
    padding = -size % GROUP
    centred = F.pad(centred, (0, 0, 0, padding))
    bias = F.pad(-half_norms, (0, 0, 0, padding), value=-torch.inf)

    largest_norm = (2 * half_norms.amax()).sqrt()
    refine = rows.device.type == "cpu"
    tile_rows, tile_codes = _tile_shape(rows)
    indices = []
    for tile in rows.split(tile_rows):
        shifted = tile - centre
        best = _best_of_tiles(shifted, centred, bias, tile_codes)
        index = best.code.clamp_max(size - 1)  # padding wins only where every score overflowed
        if refine:
            reach = (torch.linalg.vector_norm(shifted, dim=1) + largest_norm) * largest_norm
            rounding = 8 * torch.finfo(rows.dtype).eps * reach
            close = torch.nonzero(~(best.score - best.runner_up > rounding)).squeeze(1)  # NaN counts as close
            if close.numel():
                index[close] = _nearest_by_distance(tile[close].double(), codes.double())
        indices.append(index)
    return torch.cat(indices)


@torch.library.custom_op("quantizers::nearest_codes", mutates_args=())
def _search_in_graph(rows: Tensor, codes: Tensor) -> Tensor:
    """The same as one opaque operation, so that a compiled graph holds no unrolled tiles and gives the same codes."""
    return _search(rows, codes)


@_search_in_graph.register_fake
def _(rows: Tensor, codes: Tensor) -> Tensor:
    return rows.new_empty(rows.shape[0], dtype=torch.int64)


def _tile_shape(rows: Float[Tensor, "n d"]) -> tuple[int, int]:
    """Rows and codes of a tile: what stays in cache, or enough work for a GPU."""
    if rows.device.type == "cpu":
        return 512, 2048
    return 8192, 4096


def _best_of_tiles(
    rows: Float[Tensor, "n d"], codes: Float[Tensor, "k d"], bias: Float[Tensor, "k 1"], tile_codes: int
) -> Best:
    best: Best | None = None
    start = 0
    for tile, tile_bias in zip(codes.split(tile_codes), bias.split(tile_codes), strict=True):
        new = _best_of_scores(torch.addmm(tile_bias, tile, rows.T))
        code = new.code + start
        if best is None:
            best = Best(new.score, code, new.runner_up)
        else:
            loser = torch.minimum(best.score, new.score)
            runner_up = torch.maximum(loser, torch.maximum(best.runner_up, new.runner_up))
            code = torch.where(new.score > best.score, code, best.code)  # strictly: the lower index keeps a tie
            best = Best(torch.maximum(best.score, new.score), code, runner_up)
        start += tile.shape[0]
    assert best is not None
    return best


def _best_of_scores(scores: Float[Tensor, "k n"]) -> Best:
    grouped = scores.view(-1, GROUP, scores.shape[1])
    maxima = grouped.amax(1)
    score, group = maxima.max(0)
    inside = grouped.gather(0, group.expand(1, GROUP, -1)).squeeze(0)
    position = inside.argmax(0)
    other_groups = maxima.scatter(0, group.unsqueeze(0), -torch.inf).amax(0)
    same_group = inside.scatter(0, position.unsqueeze(0), -torch.inf).amax(0)
    return Best(score, group * GROUP + position, torch.maximum(other_groups, same_group))


def _nearest_by_distance(rows: Float[Tensor, "n d"], codes: Float[Tensor, "k d"]) -> Int64[Tensor, "n"]:
    """The same in float64, for few rows: scores choose candidates, differences decide, ties go low."""
    size, dim = codes.shape
    norms = torch.linalg.vector_norm(codes, dim=1)
    bias = -norms.square() / 2
    index = torch.full((rows.shape[0],), size, dtype=torch.int64)
    step = max(1, REFINED_ELEMENTS // (size * dim))
    for start in range(0, rows.shape[0], step):
        tile = rows[start : start + step]
        scores = torch.addmm(bias, tile, codes.T)
        reach = (torch.linalg.vector_norm(tile, dim=1, keepdim=True) + norms) * norms
        best = scores.amax(1, keepdim=True)
        slack = 8 * torch.finfo(torch.float64).eps * (reach + reach.gather(1, scores.argmax(1, keepdim=True)))
        row, code = torch.nonzero(scores + slack >= best, as_tuple=True)
        distance = (tile[row] - codes[code]).square().sum(1)
        least = distance.new_full((tile.shape[0],), torch.inf).scatter_reduce(0, row, distance, "amin")
        nearest = distance == least[row]
        index[start : start + step].scatter_reduce_(0, row[nearest], code[nearest], "amin")
    return index
