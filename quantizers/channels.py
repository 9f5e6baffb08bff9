"""Arithmetic with one constant for each channel, fast where channels are few."""

from jaxtyping import Shaped
from torch import Tensor

from quantizers.exporting import is_exporting

ROWS_PER_LINE = 16
"""Enough for long vectors of a CPU's instructions, few enough to divide most batches."""


def side_by_side(rows: Shaped[Tensor, "n d"], *constants: Shaped[Tensor, " d"]) -> tuple[Tensor, ...]:
    """`rows` as lines of several rows, and the constants repeated to the length of a line.

    PyTorch's loops on a CPU run along the last axis where a constant is broadcast over the others; along an axis of
    four numbers they are several times slower than along one of 64. Where the number of rows does not divide, or an
    exported program leaves it open, lines are single rows. `view_as` takes a result back to rows.
    """
    count, width = rows.shape
    per_line = ROWS_PER_LINE if not is_exporting() and count % ROWS_PER_LINE == 0 else 1
    lines = rows.reshape(count // per_line, per_line * width)
    return lines, *(constant.expand(per_line, width).reshape(-1) for constant in constants)
