"""PNGs: originals above their reconstructions, one row per quantizer; generated ones side by side, or each alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from storage.paths import StrPath
from storage.whole_files import replacing

COMPARED, DRAWN, GAP = 128, 64, 2
"""Pixels of the side at least of a picture to compare and of a drawn one, and between two."""

LABEL, MARGIN = 14, 6
"""Pixels of a label's letters, and around it."""

NAME = 13
"""Pixels below a drawn picture that say what it is of."""


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


def save_grid(path: StrPath, rows: Mapping[str, np.ndarray]) -> None:
    """Write `draw_grid`'s picture as PNG."""
    _save(Path(path), draw_grid(rows))


def draw_tiles(pictures: np.ndarray, names: Sequence[str] = ()) -> Image.Image:
    """Pictures side by side, in rows about as long as there are rows.

    Args:
        pictures: uint8 (N, 3, H, W).
        names: What stands below each, as far as it has room; nothing stands there without.
    """
    columns = math.ceil(math.sqrt(len(pictures)))
    image = Image.fromarray(_sheet(pictures, columns, DRAWN, NAME if names else 0))
    if names:
        font, pen = ImageFont.load_default(NAME - 3), ImageDraw.Draw(image)
        across = (image.width + GAP) // columns
        down = (image.height + GAP) // math.ceil(len(pictures) / columns)
        for number, name in enumerate(names):
            place = number % columns * across + (across - GAP) / 2, (number // columns + 1) * down - GAP - NAME / 2
            pen.text(place, _shortened(name, font, across - GAP), "black", font, anchor="mm")
    return image


def save_tiles(path: StrPath, pictures: np.ndarray, names: Sequence[str] = ()) -> None:
    """Write `draw_tiles`' picture as PNG."""
    _save(Path(path), draw_tiles(pictures, names))


def save_picture(path: StrPath, picture: np.ndarray, about: str) -> None:
    """Write one picture, uint8 (3, H, W), as a PNG whose description says what it is; makes the folder where it is
    missing."""
    said = PngInfo()
    said.add_text("Description", about)
    _save(Path(path), Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0))), said)


def about_picture(path: StrPath) -> str | None:
    """What such a picture says it is; None of other files."""
    try:
        with Image.open(path) as image:
            about: str | None = image.info.get("Description")
    except OSError:
        return None
    return about


def _shortened(name: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    """A name, or as much of it as fits."""
    end = len(name)
    while end and font.getlength(name[:end] + "…" * (end < len(name))) > width:
        end -= 1
    return name[:end] + "…" * (end < len(name))


def _sheet(pictures: np.ndarray, columns: int, side: int, below: int = 0) -> np.ndarray:
    """Pictures (N, 3, H, W) row by row on white, each pixel a square of whole ones and so much room below each:
    (height, width, 3)."""
    count, _, height, width = pictures.shape
    times = max(1, math.ceil(side / height))
    tiles = pictures.transpose(0, 2, 3, 1).repeat(times, 1).repeat(times, 2)
    down, across = height * times + below + GAP, width * times + GAP
    sheet = np.full((math.ceil(count / columns) * down - GAP, columns * across - GAP, 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * down, number % columns * across
        sheet[top : top + down - below - GAP, left : left + across - GAP] = tile
    return sheet


def _save(path: Path, image: Image.Image, about: PngInfo | None = None) -> None:
    with replacing(path) as temporary:
        image.save(temporary, format="png", pnginfo=about)
