def kernel_names() -> list[str]:
    """Of "bf16", "avx512" and "avx2" those whose instructions this processor has, the fastest first."""

def search(
    name: str,
    threads: int,
    rows: int,
    codes: int,
    centre: int,
    index: int,
    count: int,
    dim: int,
    size: int,
    most_lanes: int,
    patience: int,
    /,
) -> bool:
    """Nearest codes of `count` rows into `index`, and whether all are proved; others are left as they were, or -1.

    Args:
        rows, codes, centre, index: addresses of contiguous float32 (index: int64).
        most_lanes: that a row may have to decide among, 1 to 32.
        patience: rows that may stay without proof before the search ends.
    """
