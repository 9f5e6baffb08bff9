"""Exact nearest-code search on a GPU that keeps every score in registers, for many codes of few channels.

The plain search writes its tiles of scores to memory and reads them again: 8 bytes per score, beside D
multiply-adds. At small D those bytes are most of its time on a GPU; here there are none.

As in `quantizers.search`, float32 scores of centred codes find the best code and the runner-up, and rows where
the two are closer than rounding are decided by float64 distances over all codes. Which rows these are is known
only on the device: the second kernel starts a program per row, which ends at once where nothing is to decide, so
the host waits for nothing.

None of this was timed on a GPU. Results are checked in Triton's interpreter; registers, spills and instructions
were read from the machine code that Triton makes for compute capabilities 7.5 to 12.0.
"""

from functools import cache
from importlib.util import find_spec

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

MAX_DIM = 32
MIN_CODES = 2048
MIN_SCORES = 2**24

BLOCK_ROWS = BLOCK_CODES = 64
WARPS = 4
"""32 scores per thread, each with 4 registers: score, best, runner-up and where. With the operands a thread takes
165 to 255 registers and spills none at D <= 32 (4 to 6 at D = 32 on compute capability 10.0 and 12.0). Half as many
scores per thread would read shared memory a third more often per product and be limited by it; twice as many spill."""

MAX_BLOCK_DIM = 32
"""Channels of one product; wider rows are looped over."""

PROGRAMS = 1024
"""Programs that are started at least (codes are split where rows are few): some waves on the largest GPU of today,
about 150 multiprocessors with 2 or 3 programs each, so that an incomplete last wave costs little."""

MIN_SPLIT = 256
"""Codes per split at least, so that the end of a program is short beside its loop."""

DECIDED_ELEMENTS = 8192
"""Elements of codes that a program of 8 warps compares with its row at a time: 32 per thread hide the loads."""


def can_use_triton(rows: Float[Tensor, "n d"], codes: Float[Tensor, "k d"]) -> bool:
    """Whether `nearest_codes_triton` runs on these tensors and should be faster than the plain search.

    It runs on float32 on an NVIDIA GPU of compute capability 7.5 or higher where triton is installed (torch brings
    it on Linux). When it should be faster rests on arithmetic; no GPU was there to measure it:

    - K >= 2048 and N K >= 2^24. Below that a tile of scores has less than 64 MB and stays in the L2 cache of a
      large GPU (40 to 128 MB), so that the plain search hardly pays for it, and the launches cost more than the work.
    - D <= 32. With R multiply-adds and B bytes of memory per second, the plain search takes about
      1.25 D / R + 8 / B per score (products at 80 % of the peak, scores written once and read once). The kernel
      has 1.1 D + 8 instructions per score, so about 1.85 D / R + 13 / R at 60 % of the peak. R / B is 5 to 6 on
      an A100, 10 on an H100 and 25 to 40 on cards without HBM, and the two are even at D of 45 to 58, 110 and
      more than 300.
    """
    return (
        rows.is_cuda
        and codes.device == rows.device
        and rows.dtype == codes.dtype == torch.float32
        and 1 <= rows.shape[1] <= MAX_DIM
        and codes.shape[0] >= MIN_CODES
        and rows.shape[0] * codes.shape[0] >= MIN_SCORES
        and torch.version.cuda is not None
        and torch.cuda.get_device_capability(rows.device) >= (7, 5)
        and _has_triton()
    )


@cache
def _has_triton() -> bool:
    return find_spec("triton") is not None


def nearest_codes_triton(rows: Float[Tensor, "n d"], codes: Float[Tensor, "k d"]) -> Int64[Tensor, " n"]:
    """Index of the code nearest to each row in Euclidean distance; the lowest index among equally near ones.

    Rows and codes are float32 on one GPU, any N, D and K of at least 1. `quantizers.search.nearest_codes` checks
    that, nothing here does.
    """
    from quantizers.search_triton_kernels import decide_by_distance

    rows, codes = rows.contiguous(), codes.contiguous()
    centre = codes.mean(0)  # an offset that all vectors share would cancel digits of every score
    shifted, centred = rows - centre, codes - centre
    half_norms = centred.square().sum(1) / 2
    with torch.cuda.device_of(rows):  # Triton launches on the current device
        nearest, gap = _best_by_score(shifted, centred, half_norms)
        undecided = ~(gap > _rounding(shifted, half_norms))  # NaN counts as undecided
        (count, dim), size = rows.shape, codes.shape[0]
        block_dim = _block_dim(dim)
        decide_by_distance[(count,)](
            *(rows, codes, undecided, nearest, size, dim),
            block_codes=DECIDED_ELEMENTS // block_dim,
            block_dim=block_dim,
            num_warps=8,
        )
    return nearest


def _best_by_score(
    rows: Float[Tensor, "n d"], codes: Float[Tensor, "k d"], half_norms: Float[Tensor, " k"]
) -> tuple[Int64[Tensor, " n"], Float[Tensor, " n"]]:
    """Code of the largest score z.e - |e|^2/2 of each row, and how far the second largest is below it."""
    from quantizers.search_triton_kernels import best_two_scores

    count, dim = rows.shape
    size = codes.shape[0]
    block_dim = _block_dim(dim)
    row_blocks, code_blocks = _ceil_div(count, BLOCK_ROWS), _ceil_div(size, BLOCK_CODES)
    splits = min(_ceil_div(PROGRAMS, row_blocks), _ceil_div(size, MIN_SPLIT))
    split_blocks = _ceil_div(code_blocks, splits)
    splits = _ceil_div(code_blocks, split_blocks)

    rows = _transpose_to_blocks(rows, BLOCK_ROWS, block_dim)
    codes = _transpose_to_blocks(codes, BLOCK_CODES, block_dim)
    bias = F.pad(-half_norms, (0, codes.shape[1] - size), value=-torch.inf)  # padding never wins
    best_scores, runner_ups = rows.new_empty(2, splits, rows.shape[1])
    best_codes = torch.empty_like(best_scores, dtype=torch.int32)
    best_two_scores[(row_blocks, splits)](
        *(rows, codes, bias, best_scores, best_codes, runner_ups),
        *(rows.shape[1], codes.shape[1], split_blocks * BLOCK_CODES, rows.shape[0]),
        block_rows=BLOCK_ROWS,
        block_codes=BLOCK_CODES,
        block_dim=block_dim,
        num_warps=WARPS,
    )
    best, split = best_scores.max(0, keepdim=True)  # the first of equal splits, so the lower code
    code = best_codes.gather(0, split).squeeze(0)
    second = torch.maximum(best_scores.scatter(0, split, -torch.inf), runner_ups).amax(0)
    return code[:count].long(), (best.squeeze(0) - second)[:count]


def _transpose_to_blocks(vectors: Float[Tensor, "n d"], block: int, block_dim: int) -> Float[Tensor, "d_ n_"]:
    """Vectors as columns, with zeros up to whole blocks both ways."""
    count, dim = vectors.shape
    return F.pad(vectors.T, (0, -count % block, 0, -dim % block_dim)).contiguous()


def _rounding(rows: Float[Tensor, "n d"], half_norms: Float[Tensor, " k"]) -> Float[Tensor, " n"]:
    """Bound on the error of the difference of two scores of a row; its last term is for products that underflow."""
    number = torch.finfo(rows.dtype)
    largest_norm = (2 * half_norms.amax()).sqrt()
    reach = (torch.linalg.vector_norm(rows, dim=1) + largest_norm) * largest_norm
    return 8 * number.eps * reach + 4 * rows.shape[1] * number.tiny


def _block_dim(dim: int) -> int:
    """The power of two from 8, the least that `tl.dot` takes, that holds the channels or a part of them."""
    return min(max(8, 1 << (dim - 1).bit_length()), MAX_BLOCK_DIM)


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)
