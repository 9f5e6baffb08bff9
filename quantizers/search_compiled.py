"""Exact nearest-code search on a CPU by kernels in C: scores that never leave the registers, and a proof for every row.

argmin |z - e|^2 = argmax (z.e - |e|^2 / 2). A kernel keeps the scores of 6 rows with a panel of codes in registers and
passes on one maximum for each lane, the codes that share a place in the panel's vectors. A score is off by at most

    bfloat16:  |z - z'| |e| + |z'| |e - e'|   for z and e rounded to z' and e', whose products are exact in float32
    and by     D roundings of a sum that is never larger than |z| |e| + |e|^2 / 2, in either

so every code that may be the nearest lies in a lane within these of the best, and distances in float64 decide among
the codes of these lanes, seldom more than one. The answer is the nearest code in float64, whatever the data.

bfloat16 multiplies twice as fast as float32 and proves less: rows with more lanes than are worth deciding go to the
float32 kernels, and rows that these leave, with duplicated codes or extreme norms, to `search_cpu`.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.search_cpu import search_cpu

try:
    from quantizers.search_kernels import kernel_names, search as search_by_kernel
except ImportError:  # installed where no compiler was
    KERNELS: list[str] = []
else:
    KERNELS = kernel_names()

CODES_PER_LANE, MOST_LANES = 256, (4, 32)
"""A row may have a lane to decide for so many codes, and these at least and at most: more would cost what the product
does."""

PATIENCE = 256, 1 / 16
"""Rows, and share of all, that a kernel may leave without proof before all that are left go on to the next search."""

WORK_PER_THREAD = 2**22
"""Multiplications that are worth another thread, a twentieth of a millisecond."""


def can_use_kernels(rows: Tensor) -> bool:
    """Whether a kernel takes these rows: float32, on a processor that has one."""
    return bool(KERNELS) and rows.dtype == torch.float32


def kernels_in_turn() -> list[str]:
    """bfloat16's and the fastest of float32's, where there are these: slower ones would leave the same rows."""
    in_float32 = [name for name in KERNELS if name != "bf16"]
    return [name for name in KERNELS if name == "bf16"] + in_float32[:1]


def search_compiled(
    rows: Float[Tensor, "n d"], codes: Float[Tensor, "k d"], kernels: Sequence[str] | None = None
) -> Int64[Tensor, " n"]:
    """Index of the code nearest to each row, the lowest among equally near ones.

    Args:
        rows, codes: both float32, of at least one row and one code.
        kernels: of `KERNELS`, each for what the ones before leave; `kernels_in_turn` unless given.
    """
    kernels = kernels_in_turn() if kernels is None else kernels
    return _search_in_turn(kernels, rows.contiguous(), codes.contiguous(), codes.mean(0))


def _search_in_turn(kernels: Sequence[str], rows: Tensor, codes: Tensor, centre: Tensor) -> Tensor:
    """By the first kernel, and what it leaves by the others, and `search_cpu` at last."""
    if not kernels:
        return search_cpu(rows, codes)
    (count, dim), size = rows.shape, codes.shape[0]
    index = torch.full((count,), -1)
    proved = search_by_kernel(
        kernels[0],
        max(1, min(torch.get_num_threads(), count * dim * size // WORK_PER_THREAD)),
        rows.data_ptr(),
        codes.data_ptr(),
        centre.data_ptr(),
        index.data_ptr(),
        count,
        dim,
        size,
        min(max(MOST_LANES[0], size // CODES_PER_LANE), MOST_LANES[1]),
        int(PATIENCE[0] + PATIENCE[1] * count),
    )
    if not proved:
        left = torch.nonzero(index < 0).squeeze(1)
        index[left] = _search_in_turn(kernels[1:], rows[left], codes, centre)
    return index
