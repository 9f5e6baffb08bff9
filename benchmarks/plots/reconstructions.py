"""Pictures of pictures: originals, every method's reconstructions, and where they err."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.plots.groups import Group
from benchmarks.plots.style import wrapped
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import StoredRuns

PICTURES = 4
SIDE = 0.8
"""Inches of a picture's width."""

BRIGHTEST = 99.5
"""Percentile of all errors that ends the scale, so that a few pixels do not darken all others."""


def reconstruction_grid(group: Group) -> Figure | None:
    """One rate: originals above each method's reconstructions (its first seed) and, beside these, the absolute error,
    its mean over colours, on one scale for all. None where no pictures are stored."""
    rows = pd.concat([group.references, group.methods])
    found = {label: samples for label, runs in group.runs_of(rows).items() if (samples := _samples(runs)) is not None}
    if not found:
        return None
    originals = next(iter(found.values()))[0]
    errors = [np.abs(made.astype(float) - original).mean(1, keepdims=True) for original, made in found.values()]
    count, _, height, width = originals.shape
    side = SIDE * height / width
    figure = Figure(figsize=(2 * SIDE * count + 1.8, side * (len(found) + 1) + 1.3), layout="compressed")
    left, right = figure.subplots(1, 2)
    pictures = mosaic([originals, *(made for _, made in found.values())], blank=255).astype(np.uint8)
    # pixels as they are: resampled to an SVG's resolution they would fill megabytes
    left.imshow(pictures, interpolation="none")
    blank = np.full_like(errors[0], np.nan)
    colours = matplotlib.colormaps["inferno"].with_extremes(bad="white")
    most = max(1.0, float(np.percentile(np.stack(errors), BRIGHTEST)))
    differences = mosaic([blank, *errors], blank=np.nan)[..., 0]
    image = right.imshow(differences, vmin=0, vmax=most, cmap=colours, interpolation="none")
    place_labels(left, ["original", *found], height)
    place_labels(right, [], height)
    bar = figure.colorbar(image, ax=right, location="bottom", extend="max", aspect=30, pad=0.01)
    bar.set_label("absolute error, of 255", fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return figure


def _samples(runs: StoredRuns) -> tuple[np.ndarray, np.ndarray] | None:
    """The first originals and reconstructions, uint8 (N, 3, H, W), of the first run that has them."""
    for path, _ in runs:
        arrays = read_arrays(path, ("samples",))
        if "samples/original" in arrays and "samples/rate" not in arrays:
            return arrays["samples/original"][:PICTURES], arrays["samples/reconstruction"][:PICTURES]
    return None


def place_labels(panel: Any, labels: Sequence[str], height: int) -> None:
    """Beside a mosaic whose rows are so high, and nothing else around it."""
    panel.set_xticks([])
    panel.spines[:].set_visible(False)
    places = [row * (height + gap(height)) + height / 2 for row in range(len(labels))]
    panel.set_yticks(places, [wrapped(label, 20) for label in labels], fontsize=8)
    panel.tick_params(length=0)


def mosaic(rows: Sequence[np.ndarray], blank: float) -> np.ndarray:
    """Rows of pictures (N, C, H, W) as one (height, width, C), float, with blank gaps."""
    height = rows[0].shape[2]
    edges = ((0, 0), (0, 0), (0, gap(height)), (0, gap(height)))
    framed = np.stack([np.pad(row.astype(float), edges, constant_values=blank) for row in rows])
    whole = framed.transpose(0, 3, 1, 4, 2)
    return whole.reshape(whole.shape[0] * whole.shape[1], -1, whole.shape[-1])[: -gap(height), : -gap(height)]


def gap(height: int) -> int:
    """Pixels between pictures."""
    return max(1, height // 24)
