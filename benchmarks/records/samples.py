"""Stored samples of any signal side by side: pictures as they are, sounds as waveforms and spectrograms."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image

from benchmarks.records import spectrograms
from benchmarks.records.grids import draw_grid, save_grid
from storage.paths import StrPath


def draw_samples(rows: Mapping[str, np.ndarray]) -> Image.Image:
    """One labelled row per entry.

    Args:
        rows: Label -> pictures, uint8 (n, 3, h, w), or sounds, 16 bit (n, c, samples); as many and as large in each.
    """
    return draw_grid(_as_pictures(rows))


def save_samples(path: StrPath, rows: Mapping[str, np.ndarray]) -> None:
    """Write `draw_samples`' picture as PNG."""
    save_grid(path, _as_pictures(rows))


def _as_pictures(rows: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    return rows if next(iter(rows.values())).dtype == np.uint8 else spectrograms.pictures(rows)
