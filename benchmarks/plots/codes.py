"""How evenly codebooks are used: histograms of the codes' frequencies, frequency by rank, and the use of each code of a
position."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from benchmarks.plots.groups import Group
from benchmarks.plots.style import GRID, draw_legend, handles, style, wrapped
from benchmarks.records.arrays import read_arrays
from benchmarks.records.codebooks import codebook_use, mean_use
from benchmarks.records.record import StoredRuns

COLUMNS = 5
POINTS = 200
"""Ranks that a line is drawn through, evenly on the logarithmic axis: a codebook may have a million codes."""


def relative_frequencies(runs: StoredRuns) -> np.ndarray:
    """How often codes are chosen, as a multiple of what they were if all were chosen equally often.

    Returns:
        float64 (seeds and code positions, codebook size); no rows where no counts are stored.
    """
    counts = [arrays["code_counts"] for path, _ in runs if "code_counts" in (arrays := read_arrays(path))]
    if not counts:
        return np.empty((0, 0))
    rows = np.concatenate(counts).astype(float)
    return rows / rows.mean(1, keepdims=True)


def _measured(group: Group) -> dict[str, np.ndarray]:
    found = {label: relative_frequencies(runs) for label, runs in group.runs_of(group.methods).items()}
    return {label: frequencies for label, frequencies in found.items() if frequencies.size}


def usage_histograms(group: Group) -> Figure | None:
    """One rate: a panel for each method, with the share of its codes that are used so often, the unused apart.

    Means over seeds and code positions; None where no counts are stored, as of codebooks too large to count.
    """
    measured = _measured(group)
    if not measured:
        return None
    used = [np.log2(frequencies[frequencies > 0]) for frequencies in measured.values()]
    low, high = (round(limit(limit(each) for each in used)) for limit in (min, max))
    columns = min(COLUMNS, len(measured))
    lines = math.ceil(len(measured) / columns)
    figure = Figure(figsize=(2.2 * columns + 0.6, 2.0 * lines + 1.2), layout="constrained")
    panels = list(figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).flat)
    for panel, (label, frequencies) in zip(panels, measured.items(), strict=False):
        _draw_histogram(panel, label, frequencies, low, high)
    for panel in panels[len(measured) :]:
        panel.remove()
    for panel in panels[max(0, len(measured) - columns) : len(measured)]:
        panel.tick_params(labelbottom=True)
    figure.supxlabel("times as often as if all codes were used evenly", fontsize=9)
    figure.supylabel("codes, %", fontsize=9)
    return figure


def _draw_histogram(panel: Any, label: str, frequencies: np.ndarray, low: int, high: int) -> None:
    powers = np.arange(low, high + 1)
    used = frequencies > 0
    nearest = np.round(np.log2(frequencies, out=np.zeros_like(frequencies), where=used))
    shares = [100 * (used & (nearest == power)).mean() for power in powers]
    look = {"width": 0.9, "color": style(label)["color"]}
    panel.bar(powers, shares, **look)
    panel.bar(low - 2, 100 * (~used).mean(), hatch="////", edgecolor="white", **look)
    stride = max(1, math.ceil((high - low) / 4))
    shown = [power for power in powers if power % stride == 0]
    panel.set_xticks([low - 2, *shown], ["0", *(f"{2**power}" if power >= 0 else f"1/{2**-power}" for power in shown)])
    panel.tick_params(labelsize=7)
    panel.set_title(f"{wrapped(label, 26)}\n{100 * used.mean():.1f} % of codes used", fontsize=8)
    panel.grid(axis="y", **GRID)
    panel.set_axisbelow(True)


def rank_frequency(group: Group) -> Figure | None:
    """One rate: frequency by rank, both as multiples of what they are in a codebook used evenly; None without counts.

    Means over seeds and code positions, rank by rank. A line ends where no code is used any more.
    """
    measured = _measured(group)
    if not measured:
        return None
    figure = Figure(figsize=(8.5, 5), layout="constrained")
    panel = figure.subplots()
    panel.axhline(1, color="black", linewidth=0.8)
    panel.annotate("even use", (1, 1), (-3, 3), textcoords="offset points", ha="right", fontsize=8)
    for number, (label, frequencies) in enumerate(measured.items()):
        ranks, heights = by_rank(frequencies)
        marks: dict[str, Any] = {"markersize": 5, "markevery": (0.15 * number / len(measured), 0.15), "linewidth": 1}
        panel.plot(ranks, heights, label=label, **marks, **style(label))
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.set_xlabel("rank of the code / codebook size")
    panel.set_ylabel("frequency / that of even use")
    panel.grid(**GRID)
    draw_legend(figure, handles(measured))
    return figure


def use_of_each_code(group: Group) -> Figure | None:
    """One rate: usage and perplexity of each code of a position, a line for each method with several: each scale of
    `multi-scale`, each depth of `rq`. None where there is no such method.

    Means over seeds. Above the dots no usage could be seen: so few codes of a coarse scale has the test set.
    """
    measured = {}
    for label, runs in group.runs_of(group.methods).items():
        uses = [use for path, _ in runs if (use := codebook_use(path)) is not None and len(use.usage) > 1]
        if uses:
            measured[label] = mean_use(uses)
    if not measured:
        return None
    figure = Figure(figsize=(8.5, 5.5), layout="constrained")
    usage, perplexity = figure.subplots(2, 1, sharex=True)
    for label, use in measured.items():
        codes = np.arange(1, len(use.usage) + 1)
        look: dict[str, Any] = {"markersize": 5, "linewidth": 1, **style(label)}
        usage.plot(codes, 100 * use.usage, label=label, **look)
        perplexity.plot(codes, use.perplexity, label=label, **look)
        short = use.possible < 1
        usage.plot(codes[short], 100 * use.possible[short], linestyle="none", marker=".", color=look["color"])
    usage.set_ylabel("usage %")
    usage.set_ylim(0, 105)
    perplexity.set_ylabel("perplexity")
    perplexity.set_yscale("log", base=2)
    perplexity.yaxis.set_major_formatter(ScalarFormatter())
    perplexity.set_xlabel("code of a position: the first depth, or the coarsest scale, is 1")
    perplexity.xaxis.get_major_locator().set_params(integer=True)
    for panel in (usage, perplexity):
        panel.grid(**GRID)
    draw_legend(figure, handles(measured))
    return figure


def by_rank(frequencies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranks as shares of the codebook, and their mean frequencies, as far as codes are used."""
    size = frequencies.shape[1]
    falling = -np.sort(-frequencies, axis=1).mean(0)
    ranks = np.unique(np.geomspace(1, np.count_nonzero(falling), POINTS).round().astype(int))
    return ranks / size, falling[ranks - 1]
