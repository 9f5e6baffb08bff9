"""`kernel` is one of `kernel_names()`; addresses are of contiguous float32 unless another type is said. Matrices have
`count` rows of `channels` numbers, at most 64: more, or another name, raise a ValueError."""

def kernel_names() -> list[str]:
    """Of "avx512" and "avx2" those whose instructions this processor has, the faster first."""

def quantize_by_fsq(
    kernel: str,
    threads: int,
    count: int,
    channels: int,
    rows: int,
    grid: int,
    radix: int,
    slope: float,
    rounding: float,
    quantized: int,
    codes: int,
    left: int,
    /,
) -> int:
    """Values and codes of the levels nearest to bounded rows; returns how many rows must be done otherwise: those with
    what is no number, or lies within `rounding` and 2^-23 of its shift of a border between two levels.

    Args:
        grid: as `quantizers.fsq_grid.grid_of` gives it.
        radix: of codes below 2^24.
        codes: address of `count` int64.
        left: address of `count` int64, of which the first become these rows, in any order.
    """

def gradient_of_fsq(
    kernel: str,
    threads: int,
    count: int,
    channels: int,
    rows: int,
    grid: int,
    gradient: int,
    out: int,
    slope: float,
    /,
) -> None:
    """`gradient` times the derivative of the bounding of `rows`."""

def quantize_by_sign(
    kernel: str, threads: int, count: int, channels: int, rows: int, magnitude: float, quantized: int, codes: int, /
) -> None:
    """+-`magnitude` for numbers above 0 and others, and codes whose bit k says which the number k of a row is.

    Args:
        codes: address of `count` int64.
    """

def sum_of_squares(kernel: str, threads: int, count: int, rows: int, quantized: int, /) -> float:
    """Of the differences of `count` numbers, the same whatever the number of threads.

    Raises:
        MemoryError
    """

def add_commitment(
    kernel: str, threads: int, count: int, rows: int, quantized: int, factor: float, gradient: int, out: int, /
) -> None:
    """`gradient` + factor (`rows` - `quantized`), of `count` numbers."""

def add_rows_by_code(
    kernel: str, threads: int, count: int, dim: int, rows: int, codes: int, size: int, out: int, /
) -> None:
    """Adds each of `count` rows of `dim` numbers to the row of `out` that its code names, in their order.

    Args:
        codes: address of `count` int64.
        size: rows of `out`.

    Raises:
        IndexError: a code is not in [0, `size`); the other rows are added.
    """

def information_of_counts(kernel: str, threads: int, count: int, counts: int, /) -> tuple[float, float, float]:
    """The sum of `count` counts, of their products with their logarithms, and how many are not 0; the same whatever
    the number of threads.

    Raises:
        MemoryError
    """
