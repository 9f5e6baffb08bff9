"""Training curves: a panel for each term, a line for each method."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from benchmarks.plots.groups import Group
from benchmarks.plots.style import GRID, draw_legend, handles, style
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import StoredRuns

FIRST = ("total", "reconstruction", "perceptual", "generator", "discriminator", "quantizer", "perplexity", "usage")
"""Terms that all or many methods have; the methods' own follow by name."""

NO_TERM = "images_per_second"
COLUMNS = 3
START = 0.1
"""Share of the training whose large values may leave a panel."""

MARKS = 6
"""Markers on a line."""


def training_curves(group: Group) -> Figure | None:
    """One rate: means over seeds in a band of ± one standard deviation; None where no run has curves.

    The first tenth of the training may leave a panel at its top: its large values would flatten all that follows.
    """
    curves = {
        label: table for label, runs in group.runs_of(group.summary).items() if not (table := over_seeds(runs)).empty
    }
    names = {str(name) for table in curves.values() for name in table.columns.get_level_values(0)}
    if not names:
        return None
    terms = [*(name for name in FIRST if name in names), *sorted(names - set(FIRST))]
    lines = math.ceil(len(terms) / COLUMNS)
    figure = Figure(figsize=(3.5 * min(COLUMNS, len(terms)) + 2, 2.8 * lines + 0.8), layout="constrained")
    panels = list(figure.subplots(lines, min(COLUMNS, len(terms)), squeeze=False).flat)
    for panel, term in zip(panels, terms, strict=False):
        drawn = {label: table[term] for label, table in curves.items() if term in table}
        for number, (label, curve) in enumerate(drawn.items()):
            _draw(panel, curve, label, number / len(drawn))
        _fit(panel, [curve["mean"].dropna() for curve in drawn.values()])
        panel.set_title(term.replace("_", " "), fontsize=9)
        panel.tick_params(labelsize=7)
        panel.grid(**GRID)
    for panel in panels[len(terms) :]:
        panel.remove()
    for panel in panels[max(0, len(terms) - COLUMNS) : len(terms)]:
        panel.set_xlabel("step", fontsize=8)
    draw_legend(figure, handles(curves))
    return figure


def over_seeds(runs: StoredRuns) -> pd.DataFrame:
    """Curves of a method by step: columns (term, "mean") and (term, "std") over seeds; empty where there are none."""
    tables = []
    for path, _ in runs:
        arrays = {name: curve for name, curve in read_arrays(path).items() if name.startswith("curve/")}
        if "curve/step" in arrays:
            tables.append(pd.DataFrame(arrays).rename(columns=lambda name: name.removeprefix("curve/")))
    if not tables:
        return pd.DataFrame()
    whole = pd.concat(tables).drop(columns=NO_TERM, errors="ignore")
    return whole.groupby("step").agg(["mean", "std"]).dropna(axis="columns", how="all")


def _draw(panel: Any, curve: pd.DataFrame, label: str, phase: float) -> None:
    """A method's line; the phase sets its markers off against those of others."""
    mean = curve["mean"].dropna()
    stride = max(1, len(mean) // MARKS)
    look = {**style(label), "linewidth": 1, "markersize": 4, "markevery": (int(phase * stride), stride)}
    panel.plot(mean.index, mean, label=label, **look)
    if "std" in curve:
        spread = curve["std"].reindex(mean.index).fillna(0)
        panel.fill_between(mean.index, mean - spread, mean + spread, color=look["color"], alpha=0.15, linewidth=0)


def _fit(panel: Any, means: list[pd.Series]) -> None:
    """Scale a panel to what is drawn, but upwards to what follows the start of the training."""
    last = max(mean.index.max() for mean in means)
    low = min(float(mean.min()) for mean in means)
    high = max(float(mean[mean.index >= START * last].max()) for mean in means)
    margin = 0.08 * (high - low)
    if margin > 0:
        panel.set_ylim(low - margin, high + margin)
