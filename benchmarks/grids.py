"""Pictures of pictures: originals above their reconstructions, one row per quantizer; and generated ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from priors.whole_files import replacing


def save_grid(path: Path, rows: Mapping[str, np.ndarray]) -> None:
    """Write a PNG with one labelled row of pictures per entry.

    Args:
        path: The file.
        rows: Label -> uint8 pictures (N, 3, H, W), as many and as large in every row.
    """
    count, _, height, width = next(iter(rows.values())).shape
    side = 1.2
    figure = Figure(figsize=(side * count + 1.2, side * len(rows) * height / width + 0.1), layout="constrained")
    axes = figure.subplots(len(rows), count, squeeze=False)
    for (name, pictures), line in zip(rows.items(), axes, strict=True):
        for picture, axis in zip(pictures, line, strict=True):
            axis.imshow(picture.transpose(1, 2, 0), interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    dpi = max(100, round(width * 1.1 / side))  # at least one dot per pixel
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=dpi, format="png")


TILE, GAP = 64, 2
"""Pixels of a tile's side at least, and between two."""


def save_tiles(path: Path, pictures: np.ndarray) -> None:
    """Write a PNG of pictures side by side, in rows about as long as there are rows.

    Args:
        path: The file.
        pictures: uint8 (N, 3, H, W).
    """
    count, _, height, width = pictures.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    times = max(1, math.ceil(TILE / height))
    tiles = pictures.transpose(0, 2, 3, 1).repeat(times, 1).repeat(times, 2)
    down, across = height * times + GAP, width * times + GAP
    sheet = np.full((rows * down - GAP, columns * across - GAP, 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * down, number % columns * across
        sheet[top : top + down - GAP, left : left + across - GAP] = tile
    with replacing(path) as temporary:
        Image.fromarray(sheet).save(temporary, format="png")
