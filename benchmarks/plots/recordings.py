"""Pictures of tokenizers of sounds and films: quality over the bitrate beside codecs in daily use, and what they look
like."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from benchmarks.plots.groups import Group
from benchmarks.plots.reconstructions import mosaic, place_labels
from benchmarks.plots.style import GRID, draw_legend, handles, style
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import StoredRuns
from benchmarks.records.samples import as_pictures
from benchmarks.tables.columns import BY_NAME

QUALITIES = ("pesq", "stoi", "visqol", "mel_distance", "si_sdr", "psnr", "ssim", "flicker")
"""A panel for each that any row has."""


def quality_over_bitrate(group: Group) -> Figure | None:
    """Means over seeds with their standard deviation, a line for each method and codec; None where there is neither
    sound nor film.

    What has no bitrate to compare, `none`, is a level line.
    """
    rate = BY_NAME["kbps"].heading
    if rate not in group.summary:
        return None
    summary = group.summary
    possible = [BY_NAME[name] for name in QUALITIES if BY_NAME[name].heading in summary]
    columns = [column for column in possible if summary[column.heading].notna().any()]
    rows = summary[summary["name"] != "none"].dropna(subset=[rate])
    ceiling = summary[summary["name"] == "none"]
    labels = rows["name"].where(rows["rate"] == 0, rows["quantizer"])  # of codecs the options are the rates
    figure = Figure(figsize=(9.5, 2.6 * len(columns) + 0.8), layout="constrained")
    panels = figure.subplots(len(columns), 1, sharex=True, squeeze=False)[:, 0]
    for panel, column in zip(panels, columns, strict=True):
        for label, line in rows.groupby(labels, sort=False):
            ordered = line.sort_values(rate)
            spread = ordered[f"{column.heading} std"].fillna(0)
            look = {**style(str(label)), "capsize": 2, "markersize": 5, "linewidth": 1}
            panel.errorbar(ordered[rate], ordered[column.heading], spread, label=str(label), **look)
        for level in ceiling[column.heading].dropna():
            panel.axhline(level, **{name: style("none")[name] for name in ("color", "linestyle")}, linewidth=1)
        panel.set_ylabel(column.heading)
        panel.grid(**GRID)
    panels[-1].set_xscale("log", base=2)
    panels[-1].xaxis.set_major_formatter(ScalarFormatter())
    panels[-1].set_xlabel("kbit/s")
    draw_legend(figure, handles([*dict.fromkeys(labels), *ceiling["quantizer"]]))
    return figure


def sound_grid(group: Group) -> Figure | None:
    """One rate: waveforms above spectrograms, originals over what each method (its first seed) made of them. None where
    no sounds are stored."""
    return _grid(group, axes=3, shown=3, inches=2.6)


def film_grid(group: Group) -> Figure | None:
    """One rate: some frames of films, originals over what each method (its first seed) made of them. None where no
    films are stored."""
    return _grid(group, axes=5, shown=1, inches=6.5)


def _grid(group: Group, axes: int, shown: int, inches: float) -> Figure | None:
    """What samples of so many axes look like.

    Args:
        shown: Samples of a run.
        inches: Width of what one looks like.
    """
    rows = pd.concat([group.references, group.methods])
    runs_of = group.runs_of(rows).items()
    found = {label: samples for label, runs in runs_of if (samples := _samples(runs, axes)) is not None}
    if not found:
        return None
    both = {"original": next(iter(found.values()))[0], **{label: made for label, (_, made) in found.items()}}
    drawn = as_pictures({label: samples[:shown] for label, samples in both.items()})
    count, _, height, width = drawn["original"].shape
    figure = Figure(figsize=(inches * count + 1.4, inches * height / width * len(drawn) + 0.6), layout="compressed")
    panel = figure.subplots()
    panel.imshow(mosaic(list(drawn.values()), blank=255).astype(np.uint8), interpolation="none")
    place_labels(panel, list(drawn), height)
    return figure


def _samples(runs: StoredRuns, axes: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The originals and reconstructions, of so many axes each, of the first run that has them."""
    for path, _ in runs:
        arrays = read_arrays(path, ("samples",))
        if "samples/rate" in arrays and arrays["samples/original"].ndim == axes:
            return arrays["samples/original"], arrays["samples/reconstruction"]
    return None
