"""Quality over bits: a line for each method, a panel for each metric."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmarks.plots.groups import Group
from benchmarks.plots.quality import draw_label, draw_references, measured_qualities
from benchmarks.plots.style import GRID, draw_legend, handles, style
from benchmarks.tables.comparable import CODECS

WIDTH = 0.8
"""Bits over which methods of equal rate are set side by side: one upon the other, nobody could tell them apart."""


def rate_distortion(group: Group) -> Figure | None:
    """Means over seeds with their standard deviation; None where no quantizer was measured."""
    methods = group.methods
    columns = measured_qualities(methods)
    if not columns:
        return None
    labels = list(dict.fromkeys(methods["quantizer"]))
    shifts = side_by_side(methods.groupby("quantizer", sort=False)["rate"].nunique())
    figure = Figure(figsize=(9.5, 3.6 * len(columns) + 0.8), layout="constrained")
    panels = figure.subplots(len(columns), 1, sharex=True, squeeze=False)[:, 0]
    references = group.references[~group.references["name"].isin(CODECS)]  # whose bits are no code's
    level, over_bits = (references[references["rate"].gt(0) == has_rate] for has_rate in (False, True))
    shifts |= dict.fromkeys(over_bits["quantizer"], 0.0)
    lines = pd.concat([methods, over_bits])
    for panel, column in zip(panels, columns, strict=True):
        for label, rows in lines.sort_values("bits").groupby("quantizer", sort=False):
            panel.errorbar(
                rows["bits"] + shifts[str(label)],
                rows[column.heading],
                rows[f"{column.heading} std"].fillna(0),
                capsize=2,
                markersize=5,
                linewidth=1,
                label=label,
                **style(str(label)),
            )
        draw_references(panel, level, column)
        draw_label(panel, column)
        panel.grid(**GRID)
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    panels[-1].set_xlabel("bits per position" + (", methods of equal rate side by side" if len(labels) > 1 else ""))
    of_level = handles(level["quantizer"], marker="none")
    draw_legend(figure, [*handles([*labels, *over_bits["quantizer"].unique()]), *of_level])
    return figure


def side_by_side(rates: pd.Series) -> dict[str, float]:
    """Each method's distance from its true rate, in bits: in their order, but those with lines in the middle.

    Args:
        rates: Method -> at how many rates it was measured.
    """
    lines, points = list(rates.index[rates > 1]), list(rates.index[rates == 1])
    half = len(points) // 2
    order = [*points[:half], *lines, *points[half:]]
    places = np.linspace(-WIDTH / 2, WIDTH / 2, len(order)) if len(order) > 1 else np.zeros(1)
    return dict(zip(order, places.tolist(), strict=True))
