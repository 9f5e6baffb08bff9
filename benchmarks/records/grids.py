"""Pictures of pictures: originals above their reconstructions, one row per quantizer; and generated ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from storage.paths import StrPath
from storage.whole_files import replacing

COMPARED, DRAWN, GAP = 128, 64, 2
"""Pixels of the side at least of a picture to compare and of a drawn one, and between two."""

LABEL, MARGIN = 14, 6
"""Pixels of a label's letters, and around it."""


def draw_grid(rows: Mapping[str, np.ndarray]) -> Image.Image:
    """One labelled row of pictures per entry.

    Args:
        rows: Label -> uint8 pictures (N, 3, H, W), as many and as large in every row.
    """
    count = len(next(iter(rows.values())))
    sheet = _sheet(np.concatenate([*rows.values()]), count, COMPARED)
    font = ImageFont.load_default(LABEL)
    left = math.ceil(max(font.getlength(name) for name in rows)) + 2 * MARGIN
    image = Image.new("RGB", (left + sheet.shape[1], sheet.shape[0]), "white")
    image.paste(Image.fromarray(sheet), (left, 0))
    pen, height = ImageDraw.Draw(image), (sheet.shape[0] + GAP) / len(rows)
    for number, name in enumerate(rows):
        pen.text((left - MARGIN, (number + 0.5) * height - GAP / 2), name, "black", font, anchor="rm")
    return image


def draw_tiles(pictures: np.ndarray) -> Image.Image:
    """Pictures, uint8 (N, 3, H, W), side by side in rows about as long as there are rows."""
    return Image.fromarray(_sheet(pictures, math.ceil(math.sqrt(len(pictures))), DRAWN))


def save_grid(path: StrPath, rows: Mapping[str, np.ndarray]) -> None:
    """Write `draw_grid`'s picture as PNG."""
    _save(Path(path), draw_grid(rows))


def save_tiles(path: StrPath, pictures: np.ndarray) -> None:
    """Write `draw_tiles`' picture as PNG."""
    _save(Path(path), draw_tiles(pictures))


def _sheet(pictures: np.ndarray, columns: int, side: int) -> np.ndarray:
    """Pictures (N, 3, H, W) row by row on white, each pixel a square of whole ones: (height, width, 3)."""
    count, _, height, width = pictures.shape
    times = max(1, math.ceil(side / height))
    tiles = pictures.transpose(0, 2, 3, 1).repeat(times, 1).repeat(times, 2)
    down, across = height * times + GAP, width * times + GAP
    sheet = np.full((math.ceil(count / columns) * down - GAP, columns * across - GAP, 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * down, number % columns * across
        sheet[top : top + down - GAP, left : left + across - GAP] = tile
    return sheet


def _save(path: Path, image: Image.Image) -> None:
    with replacing(path) as temporary:
        image.save(temporary, format="png")
