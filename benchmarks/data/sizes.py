"""How large a picture is: read and said without torch, which a command line does not wait for."""

PictureSize = int | tuple[int, int]
"""Side of a square, or height and width, in pixels."""


def extent_of(size: PictureSize) -> tuple[int, int]:
    """(height, width)."""
    return (size, size) if isinstance(size, int) else size


def written(extent: tuple[int, int]) -> str:
    """(height, width) as people write it, the width first."""
    return f"{extent[1]} × {extent[0]}"
