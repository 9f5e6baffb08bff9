"""Nearest codes, and draws of codes by their distance, without an N x K matrix."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.exporting import is_exporting
from quantizers.operations import operation
from quantizers.options import check_number
from quantizers.precision import without_autocast
from quantizers.search_compiled import can_use_kernels, search_compiled
from quantizers.search_cpu import search_cpu
from quantizers.search_triton import can_use_triton, nearest_codes_triton
from quantizers.uncompiled import uncompiled

TILE_ROWS, TILE_CODES = 8192, 4096
"""What `search_two_best` scores at a time: 128 MB in float32."""

FEW_SCORES = 2**20
"""What `nearest_few` scores at a time: 4 MB."""

SAMPLED_SCORES = 2**22
"""What `sample_codes` scores at a time: with the noise, 80 MB."""


@torch.no_grad()
def nearest_codes(rows: Float[Tensor, "n d"], codes: Float[Tensor, "k d"]) -> Int64[Tensor, " n"]:
    """Index of the code nearest to each row in Euclidean distance; the lowest index among equally near ones.

    Computes in float32, in float64 if either input is, and never lower, whatever autocast or
    `torch.set_float32_matmul_precision` say. On a CPU no code is nearer in float64; for other devices see
    `search_two_best`, which is also what `torch.export` takes, so that its programs run without this package.

    Raises:
        ValueError: not two matrices with one width, or no channel, or no code to choose from.
    """
    rows, codes = _checked(rows, codes)
    if rows.shape[0] == 0:
        return torch.zeros(0, dtype=torch.int64, device=rows.device)
    if is_exporting():
        return search_two_best(rows, codes)
    return _search(rows, codes)


@operation("nearest_codes")
def _search(rows: Tensor, codes: Tensor) -> Tensor:
    """The rule that picks a search.

    One opaque operation: a compiled graph holds no unrolled tiles and gives the same codes, and under transforms of
    `torch.func`, which wrap tensors, kernels see plain ones.
    """
    with _full_precision(rows.device.type):
        if rows.device.type == "cpu":
            return search_compiled(rows, codes) if can_use_kernels(rows) else search_cpu(rows, codes)
        if can_use_triton(rows, codes):
            return nearest_codes_triton(rows, codes)
        return search_two_best(rows, codes)


@torch.library.register_fake(_search)
def _(rows: Tensor, codes: Tensor) -> Tensor:
    return rows.new_empty(rows.shape[0], dtype=torch.int64)


def search_two_best(rows: Float[Tensor, "n d"], codes: Float[Tensor, "k d"]) -> Int64[Tensor, " n"]:
    """Nearest codes on any device with no wait for it: scores choose two codes for each row, distances one of them.

    The distances are sums of squared differences in the rows' dtype, in float64 in an exported program, so that the
    choice is right to rounding of the distances. It is the nearest code, the lowest index among equal ones, unless two
    or more others score as high within rounding of |z| |e| (after the mean of the codes is taken off); then it is one
    of these.

    Args:
        rows, codes: both float32 or both float64.
    """
    unit = codes.abs().max().clamp_min(torch.finfo(codes.dtype).tiny)  # squares would leave the range of float32
    vectors, bias, centre = _centred(codes / unit)
    found = []
    wide = torch.float64 if is_exporting() else rows.dtype
    # an exported program, whose number of rows is open, takes all at a time
    for tile in (rows,) if is_exporting() else rows.split(TILE_ROWS):
        shifted = tile / unit - centre
        scores, pair = tile.new_empty(tile.shape[0], 0), tile.new_empty(tile.shape[0], 0, dtype=torch.int64)
        for start in range(0, codes.shape[0], TILE_CODES):
            part = slice(start, start + TILE_CODES)
            new_scores, new_pair = _two_best(torch.addmm(bias[part], shifted, vectors[part].T))
            scores, best = _two_best(torch.cat([scores, new_scores], 1))
            pair = torch.cat([pair, new_pair + start], 1).gather(1, best)
        pair = pair.sort(1).values  # argmin takes the first among equal ones
        distances = ((tile.unsqueeze(1).to(wide) - codes[pair].to(wide)) / unit).square().sum(2)
        found.append(pair.gather(1, distances.argmin(1, keepdim=True)).squeeze(1))
    return torch.cat(found)


@torch.no_grad()
def nearest_few(rows: Float[Tensor, "n d"], codes: Float[Tensor, "k d"], count: int) -> Int64[Tensor, "n count"]:
    """The `count` codes nearest to each row in Euclidean distance, nearest first, as the rows' dtype tells them apart:
    codes whose distances are equal to rounding may change places. Precision as in `nearest_codes`.

    Args:
        count: 1 to K.

    Raises:
        ValueError: as `nearest_codes`.
    """
    rows, codes = _checked(rows, codes)
    if is_exporting():
        return _few(rows, codes, count)
    return _few_in_graph(rows, codes, count) if torch.compiler.is_compiling() else _search_few(rows, codes, count)


def _search_few(rows: Tensor, codes: Tensor, count: int) -> Tensor:
    with _full_precision(rows.device.type):
        height = max(1, FEW_SCORES // min(TILE_CODES, codes.shape[0]))
        return torch.cat([_few(tile, codes, count) for tile in rows.split(height)])


@operation("nearest_few")
def _few_in_graph(rows: Tensor, codes: Tensor, count: int) -> Tensor:
    """As `_search`."""
    return _search_few(rows, codes, count)


@torch.library.register_fake(_few_in_graph)
def _(rows: Tensor, codes: Tensor, count: int) -> Tensor:
    return rows.new_empty(rows.shape[0], count, dtype=torch.int64)


def _few(rows: Tensor, codes: Tensor, count: int) -> Tensor:
    vectors, bias, centre = _centred(codes)
    shifted = rows - centre
    scores, few = rows.new_empty(rows.shape[0], 0), rows.new_empty(rows.shape[0], 0, dtype=torch.int64)
    for start in range(0, codes.shape[0], TILE_CODES):
        part = slice(start, start + TILE_CODES)
        new = torch.addmm(bias[part], shifted, vectors[part].T)
        new_scores, new_few = new.topk(min(count, new.shape[1]))
        scores, few = torch.cat([scores, new_scores], 1), torch.cat([few, new_few + start], 1)
        scores, best = scores.topk(min(count, scores.shape[1]))
        few = few.gather(1, best)
    return few


def _two_best(scores: Float[Tensor, "n k"]) -> tuple[Float[Tensor, "n 2"], Int64[Tensor, "n 2"]]:
    """The two largest of each row and where they are. Overwrites; `topk` takes several times as long on a GPU."""
    first, first_code = scores.max(1, keepdim=True)
    second, second_code = scores.scatter_(1, first_code, -torch.inf).max(1, keepdim=True)
    return torch.cat([first, second], 1), torch.cat([first_code, second_code], 1)


def _centred(codes: Float[Tensor, "k d"]) -> tuple[Float[Tensor, "k d"], Float[Tensor, " k"], Float[Tensor, " d"]]:
    """Codes less their mean, -|e|^2 / 2 of these, and the mean: an offset of all would cost digits of the scores."""
    centre = codes.mean(0)
    vectors = codes - centre
    return vectors, vectors.square().sum(1) / -2, centre


@uncompiled
@torch.no_grad()
def sample_codes(
    rows: Float[Tensor, "n d"], codes: Float[Tensor, "k d"], temperature: Float[Tensor, ""] | float
) -> Int64[Tensor, " n"]:
    """A code for each row, drawn from softmax(-|z - e|^2 / temperature) over the codes e by the Gumbel-max trick.

    Gumbel noise, from uniforms of 53 bits, is added to every logit and the largest taken: an exact sample, no
    normalisation. On a CPU a seed gives the same draws whatever `SAMPLED_SCORES` is. Precision as in `nearest_codes`.

    Args:
        temperature: finite and not negative; 0 gives `nearest_codes`. One that lies on a GPU is not looked at: 0
            gives the largest score there, and wrong values are not refused.

    Raises:
        ValueError: as `nearest_codes`, or a temperature out of range.
    """
    rows, codes = _checked(rows, codes)
    if not isinstance(temperature, Tensor) or temperature.device.type == "cpu":
        value = temperature.item() if isinstance(temperature, Tensor) else temperature
        temperature = check_number("temperature", value, 0, torch.finfo(torch.float32).max)
        if temperature == 0:
            return nearest_codes(rows, codes)
    found = torch.empty(rows.shape[0], dtype=torch.int64, device=rows.device)
    height = max(1, SAMPLED_SCORES // codes.shape[0])
    with _full_precision(rows.device.type):
        vectors, bias, centre = _centred(codes)
        for tile, out in zip(rows.split(height), found.split(height), strict=True):
            # all logits times temperature / 2, which keeps them finite at any temperature
            scores = torch.addmm(bias, tile - centre, vectors.T)
            torch.argmax(scores.sub_(_negative_gumbel(scores).mul_(temperature / 2)), 1, out=out)
    return found


def _negative_gumbel(like: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
    """-g = log(-log(1 - u)) of float64 uniforms u, whose small values, the large g, stay precise in float32."""
    uniform = torch.rand(like.shape, dtype=torch.float64, device=like.device).to(like.dtype)
    return uniform.clamp_(2**-54, 1 - 2**-24).neg_().log1p_().neg_().log_()


def _checked(rows: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
    """Both in one dtype, float32 or float64, or an error."""
    if rows.ndim != 2 or codes.ndim != 2 or rows.shape[1] != codes.shape[1]:
        raise ValueError(
            f"rows and codes must be (N, D) and (K, D) with one D, got {tuple(rows.shape)} and {tuple(codes.shape)}"
        )
    if codes.shape[0] == 0:
        raise ValueError("codes must hold at least one code, got none")
    if codes.shape[1] == 0:
        raise ValueError("rows and codes must have at least one channel, got none")
    dtype = torch.promote_types(torch.promote_types(rows.dtype, codes.dtype), torch.float32)
    return rows.to(dtype), codes.to(dtype)


@contextmanager
def _full_precision(device_type: str) -> Iterator[None]:
    """Products of float32 in float32, though autocast, TF32 or bfloat16 may be on in the program."""
    products: Any = getattr(torch.backends.cuda if device_type == "cuda" else torch.backends.mkldnn, "matmul", None)
    with without_autocast(device_type):
        if hasattr(products, "fp32_precision"):
            before, products.fp32_precision = products.fp32_precision, "ieee"
            try:
                yield
            finally:
                products.fp32_precision = before
        else:  # torch < 2.9
            before = torch.get_float32_matmul_precision()
            torch.set_float32_matmul_precision("highest")
            try:
                yield
            finally:
                torch.set_float32_matmul_precision(before)
