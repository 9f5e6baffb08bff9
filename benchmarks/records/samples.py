"""Stored samples of any signal side by side: pictures as they are, sounds as waveforms and spectrograms, films as some
of their frames."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from benchmarks.records import films, spectrograms
from benchmarks.records.grids import draw_grid, save_grid
from storage.paths import StrPath


def draw_samples(rows: Mapping[str, np.ndarray]) -> Image.Image:
    """One labelled row per entry.

    Args:
        rows: Label -> pictures, uint8 (n, 3, h, w), sounds, 16 bit (n, c, samples), or films, uint8 (n, 3, t, h, w); as
            many and as large in each.
    """
    return draw_grid(as_pictures(rows))


def save_samples(path: StrPath, rows: Mapping[str, np.ndarray]) -> None:
    """Write `draw_samples`' picture as PNG."""
    save_grid(path, as_pictures(rows))


def looks(samples: np.ndarray) -> UInt8[np.ndarray, "n 3 h w"]:
    """What samples of any signal look like, alone; sounds each as loud as the loudest of its own."""
    return as_pictures({"": samples})[""]


def as_pictures(rows: Mapping[str, np.ndarray]) -> Mapping[str, UInt8[np.ndarray, "n 3 h w"]]:
    """What samples look like, by the same labels."""
    first = next(iter(rows.values()))
    if first.dtype == np.int16:
        return spectrograms.pictures(rows)
    return films.strips(rows) if first.ndim == 5 else rows
