"""Quality against what it costs to train and to encode, with the methods marked that no other beats in both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.plots.groups import Group
from benchmarks.plots.quality import draw_label, draw_references, measured_qualities
from benchmarks.plots.style import GRID, draw_legend, handles, style
from benchmarks.tables.columns import BY_NAME, Column

FRONT: dict[str, Any] = {
    **{"label": "Pareto front", "color": "0.4", "linewidth": 1, "drawstyle": "steps-post"},
    **{"marker": "o", "markersize": 11, "markerfacecolor": "none"},
}


class Cost(NamedTuple):
    """What an axis shows: its label, rows -> means and standard deviations, and whether more of it is dearer."""

    label: str
    measure: Callable[[Group, pd.DataFrame], tuple[pd.Series, pd.Series]]
    more_is_dearer: bool


def _training_seconds(group: Group, rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """From the table's speed, so that picture and table say the same."""
    (_, record), *_ = next(iter(group.runs.values()))
    speed, spread = _column(rows, "train")
    seconds = record.training_images / speed
    return seconds, seconds * spread / speed


def _encoding_speed(group: Group, rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    return _column(rows, "encode_images_per_second")


def _column(rows: pd.DataFrame, name: str) -> tuple[pd.Series, pd.Series]:
    heading = BY_NAME[name].heading
    return rows[heading], rows[f"{heading} std"]


COSTS = (Cost("training, s", _training_seconds, True), Cost("encoding, images/s", _encoding_speed, False))


def quality_against_cost(group: Group) -> Figure | None:
    """One rate: a row for each metric, a column for each cost; None where no quantizer has both.

    Points are means over seeds, bars their standard deviation. The front is that of the means of quantizers; `none` is
    drawn with its cost, block-mean has nothing to train and no encoder.
    """
    columns = measured_qualities(group.methods)
    costs = [cost for cost in COSTS if cost.measure(group, group.methods)[0].notna().any()]
    if not columns or not costs:
        return None
    figure = Figure(figsize=(4.2 * len(costs) + 2, 3.5 * len(columns) + 0.8), layout="constrained")
    panels = figure.subplots(len(columns), len(costs), sharex="col", sharey="row", squeeze=False)
    for column, line in zip(columns, panels, strict=True):
        for cost, panel in zip(costs, line, strict=True):
            _draw(panel, group, column, cost)
            panel.grid(**GRID)
        draw_label(line[0], column)
    how = "methods timed in turn" if group.timed_together else "timed as the runs went"
    for cost, panel in zip(costs, panels[-1], strict=True):
        panel.set_xlabel(f"{cost.label} ({how})")
    points = handles(group.methods["quantizer"], linestyle="none")
    draw_legend(figure, [*points, *handles(group.references["quantizer"]), Line2D([], [], **FRONT)])
    return figure


def _draw(panel: Any, group: Group, column: Column, cost: Cost) -> None:
    draw_references(panel, group.references, column)
    methods = group.methods
    rows = pd.concat([methods, group.references[group.references["name"] == "none"]])
    places, spreads = cost.measure(group, rows)
    qualities = rows[column.heading]
    deviations = rows[f"{column.heading} std"]
    for i in range(len(rows)):
        look = {**style(rows["quantizer"].iloc[i]), "linestyle": "none", "markersize": 6, "elinewidth": 0.7}
        errors = {"xerr": spreads.fillna(0).iloc[[i]], "yerr": deviations.fillna(0).iloc[[i]]}
        panel.errorbar(places.iloc[[i]], qualities.iloc[[i]], **errors, label=rows["quantizer"].iloc[i], **look)
    known = methods.index[places[methods.index].notna() & qualities[methods.index].notna()]
    x, y = places[known].to_numpy(), qualities[known].to_numpy()
    costs = x if cost.more_is_dearer else -x
    front = pareto_front(costs, y if column.better == "high" else -y)
    front = front[np.lexsort((y[front], costs[front]))]
    panel.plot(x[front], y[front], zorder=1.7, **FRONT)


def pareto_front(costs: np.ndarray, qualities: np.ndarray) -> np.ndarray:
    """Places of the points that no other beats, which is to cost no more, be no worse, and differ in one.

    Args:
        costs: (points,), lower is better, finite.
        qualities: (points,), higher is better, finite.
    """
    best, at = -np.inf, np.nan
    front = []
    for point in np.lexsort((-qualities, costs)):
        if qualities[point] > best:
            best, at = qualities[point], costs[point]
            front.append(point)
        elif qualities[point] == best and costs[point] == at:
            front.append(point)  # the last one's twin
    return np.array(sorted(front), dtype=int)
