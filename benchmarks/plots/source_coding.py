"""Distortion against bits, with the bound and the best scalar quantizers drawn in: a picture for each block length."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmarks.plots.saving import save
from benchmarks.plots.style import GRID, style
from benchmarks.protocols.source_coding.lloyd_max import lloyd_max
from benchmarks.protocols.source_coding.vectors import SOURCES, Source, open_source
from benchmarks.tables.source_coding import REFERENCE
from storage.paths import StrPath


def distortion_figure(summary: pd.DataFrame) -> Figure:
    """One block length: distortion above, its distance to the bound below, a column for each source."""
    names = [name for name in SOURCES if name in set(summary["source"])]
    block_length = int(summary.iloc[0]["block_length"])
    figure = Figure(figsize=(3.6 * len(names) + 2, 8.5), layout="constrained")
    panels = figure.subplots(2, len(names), sharex="col", squeeze=False)
    for name, distortion, gap in zip(names, *panels, strict=True):
        part = summary[summary["source"] == name]
        source = open_source(name, block_length)
        for quantizer, rows in part.sort_values("bits").groupby("quantizer"):
            rates = rows["bits"] / block_length
            marks = {"markersize": 5, "linewidth": 1, "label": quantizer, **style(str(quantizer))}
            distortion.plot(rates, rows["distortion"] / source.variance, **marks)
            gap.errorbar(rates, rows["gap"], rows["gap_std"].fillna(0), capsize=2, **marks)
        draw_limits(distortion, gap, source, float(part["bits"].max()) / block_length)
        distortion.set_title(name)
        distortion.set_yscale("log")
        gap.set_xlabel("true bits per sample")
        for panel in (distortion, gap):
            panel.grid(**GRID)
    panels[0][0].set_ylabel("mean squared error / variance")
    panels[1][0].set_ylabel("dB above the bound")
    handles = {line.get_label(): line for panel in panels[0] for line in panel.get_lines()}
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside lower center",
        ncols=min(6, 2 * len(names)),
        frameon=False,
        fontsize=8,
    )
    figure.suptitle(f"Source coding, blocks of {block_length}")
    return figure


def draw_limits(distortion: Any, gap: Any, source: Source, most: float) -> None:
    """The bound and, where the density is known, Lloyd–Max for every number of levels."""
    length = source.block_length
    rates = np.linspace(0, most, 13)
    bound = [source.bound(rate * length) / source.variance for rate in rates]
    thick = {"color": "black", "linewidth": 2}
    distortion.plot(rates, bound, label="bound (photographs: Gaussian of equal covariance)", **thick)
    gap.axhline(0, **thick)
    if source.density is None:
        return
    levels = range(2, max(2, math.floor(2**most + 1e-9)) + 1)
    best = [lloyd_max(source.density, count) for count in levels]
    places = [math.log2(count) for count in levels]
    thin = {"color": "black", "linewidth": 1, "marker": "|", "markersize": 7, "label": REFERENCE}
    distortion.plot(places, best, **thin)
    bounds = [source.bound(place * length) for place in places]
    gap.plot(places, [10 * math.log10(mse / low) for mse, low in zip(best, bounds, strict=True)], **thin)


def figures(summary: pd.DataFrame) -> Iterator[tuple[str, str, Figure]]:
    """File stem, title and figure for each block length, and for each training where there are several."""
    trainings = summary["vectors"].nunique()
    for (block_length, vectors), part in summary.groupby(["block_length", "vectors"]):
        suffix = f"-{vectors}-vectors" if trainings > 1 else ""
        yield f"blocks-of-{block_length}{suffix}", f"Source coding, blocks of {block_length}", distortion_figure(part)


def save_figures(summary: pd.DataFrame, folder: StrPath) -> list[Path]:
    """Write `blocks-of-N.png` and `.svg`; returns where."""
    return [path for stem, _, figure in figures(summary) for path in save(figure, folder, stem)]
