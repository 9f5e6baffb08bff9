"""The Triton kernels of `quantizers.search_triton`, which alone imports this file, and only to launch them.

Offsets into the matrices are int64, as N D, K D and the number of results can pass 2^31; N and K alone cannot.
Kernels are read as source and never run as Python, so `no_type_check` keeps run-time type checkers from wrapping them.
"""

from typing import no_type_check

import triton
import triton.language as tl


@triton.jit
@no_type_check
def best_two_scores(
    rows,  # (dim, n) float32
    codes,  # (dim, k) float32
    bias,  # (k,) float32
    best_scores,  # out: (splits, n) float32
    best_codes,  # out: (splits, n) int32
    runner_ups,  # out: (splits, n) float32
    n,  # a multiple of block_rows
    k,  # a multiple of block_codes
    split_codes,  # codes per split, a multiple of block_codes
    dim: tl.constexpr,  # a multiple of block_dim
    block_rows: tl.constexpr,
    block_codes: tl.constexpr,
    block_dim: tl.constexpr,
):
    """Largest score rows . codes + bias over each split of the codes, its lowest code, and the second largest.

    Program (i, j) takes the i-th block of rows and the j-th split. Each lane keeps the best of the codes that
    it sees, so that scores cross no lanes, and leave no registers, before the end. Both matrices are transposed:
    neighbouring threads then read neighbouring words of shared memory, without bank conflicts.
    """
    row = tl.program_id(0).to(tl.int64) * block_rows + tl.arange(0, block_rows)
    split = tl.program_id(1)
    first = split * split_codes
    lane = tl.arange(0, block_codes)
    channel = tl.arange(0, block_dim).to(tl.int64)
    best = tl.full((block_rows, block_codes), float("-inf"), tl.float32)
    runner_up = best
    start_of_best = tl.zeros((block_rows, block_codes), tl.int32) + first
    for start in range(first, tl.minimum(first + split_codes, k), block_codes):
        code = start + lane
        score = tl.zeros((block_rows, block_codes), tl.float32) + tl.load(bias + code)[None, :]
        for channels in range(0, dim, block_dim):
            z = tl.load(rows + (channels + channel)[None, :] * n + row[:, None])
            e = tl.load(codes + (channels + channel)[:, None] * k + code[None, :])
            score = tl.dot(z, e, acc=score, input_precision="ieee")
        better = score > best  # strictly: the lower code keeps a tie, and NaN never wins
        runner_up = tl.maximum(runner_up, tl.minimum(best, score))
        best = tl.where(better, score, best)
        start_of_best = tl.where(better, start, start_of_best)

    code = start_of_best + lane[None, :]
    best_score = tl.max(best, axis=1)
    best_code = tl.min(tl.where(best == best_score[:, None], code, k), axis=1)
    second = tl.max(tl.where(code == best_code[:, None], runner_up, best), axis=1)
    out = split.to(tl.int64) * n + row
    tl.store(best_scores + out, best_score)
    tl.store(best_codes + out, best_code)
    tl.store(runner_ups + out, second)


@triton.jit
@no_type_check
def decide_by_distance(
    rows,  # (n, dim) float32
    codes,  # (k, dim) float32
    undecided,  # (n,) bool
    nearest,  # in and out: (n,) int64
    k,
    dim: tl.constexpr,
    block_codes: tl.constexpr,
    block_dim: tl.constexpr,
):
    """The lowest of the codes nearest to each undecided row, by float64 differences; a program per row."""
    row = tl.program_id(0).to(tl.int64)
    if tl.load(undecided + row):
        lane = tl.arange(0, block_codes)
        channel = tl.arange(0, block_dim)
        least = tl.full((block_codes,), float("inf"), tl.float64)
        start_of_least = tl.zeros((block_codes,), tl.int32)
        for start in range(0, k, block_codes):
            code = start + lane
            distance = tl.zeros((block_codes,), tl.float64)
            for channels in range(0, dim, block_dim):
                c = channels + channel
                z = tl.load(rows + row * dim + c, mask=c < dim, other=0.0)
                e = tl.load(
                    codes + code.to(tl.int64)[:, None] * dim + c[None, :],
                    mask=(code < k)[:, None] & (c < dim)[None, :],
                    other=0.0,
                )
                difference = e.to(tl.float64) - z.to(tl.float64)[None, :]
                distance += tl.sum(difference * difference, axis=1)
            nearer = (code < k) & (distance < least)  # strictly: the lower code keeps a tie
            least = tl.where(nearer, distance, least)
            start_of_least = tl.where(nearer, start, start_of_least)
        tied = least == tl.min(least, axis=0)
        tl.store(nearest + row, tl.min(tl.where(tied, start_of_least + lane, k), axis=0).to(tl.int64))
