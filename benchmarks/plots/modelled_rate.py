"""Quality over the bits that codes truly cost under a prior, beside those that they are written with."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.plots.groups import Group
from benchmarks.plots.quality import draw_label, draw_references, measured_qualities
from benchmarks.plots.style import GRID, draw_legend, handles, style
from benchmarks.tables.columns import BY_NAME

MODELLED, NOMINAL = BY_NAME["nll_bpp"].heading, BY_NAME["bpp"].heading


def modelled_rate(group: Group) -> Figure | None:
    """Means over seeds with their standard deviation; None where no prior was trained.

    From each point a line leads to the bits that its codes are written with when all are equally likely.
    """
    methods = group.methods.dropna(subset=[MODELLED])
    references = group.references[group.references["rate"].isin([0, *methods["rate"]])]
    columns = measured_qualities(methods)
    if methods.empty or not columns:
        return None
    figure = Figure(figsize=(9.5, 3.6 * len(columns) + 0.8), layout="constrained")
    panels = figure.subplots(len(columns), 1, sharex=True, squeeze=False)[:, 0]
    for panel, column in zip(panels, columns, strict=True):
        for _, row in methods.iterrows():
            look = style(str(row["quantizer"]))
            quality = row[column.heading]
            spread = {name: [row.fillna(0)[f"{of} std"]] for name, of in (("xerr", MODELLED), ("yerr", column.heading))}
            panel.errorbar(
                [row[MODELLED]], [quality], **spread, capsize=2, markersize=6, **look | {"linestyle": "none"}
            )
            panel.plot([row[MODELLED], row[NOMINAL]], [quality] * 2, color=look["color"], linewidth=0.6, alpha=0.6)
            panel.plot([row[NOMINAL]], [quality], marker="|", color=look["color"], markersize=7)
        draw_references(panel, references, column)
        draw_label(panel, column)
        panel.grid(**GRID)
    panels[-1].set_xlabel("bits per pixel: modelled by the prior, and at the end of the line nominal")
    nominal = Line2D([], [], color="0.4", marker="|", linewidth=0.6, label="nominal bits")
    draw_legend(
        figure,
        [*handles(methods["quantizer"].unique(), linestyle="none"), *handles(references["quantizer"]), nominal],
    )
    return figure
