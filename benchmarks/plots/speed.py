"""The sweep as a picture: cost against size, with what the machine cannot beat drawn in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks.plots.saving import save
from benchmarks.protocols.speed.floors import Floor, search_floor, training_floor
from benchmarks.protocols.speed.names import FAISS, NAIVE, OURS, VECTOR_QUANTIZE, family
from benchmarks.protocols.speed.sizes import SWEEP, SWEPT
from benchmarks.records.speed import Group, SpeedRun
from benchmarks.tables.speed import significant
from storage.paths import StrPath

STYLES: dict[str, dict[str, Any]] = {
    OURS: {"color": "#0072B2", "marker": "o", "linestyle": "-", "linewidth": 2},
    FAISS: {"color": "#D55E00", "marker": "s", "linestyle": "--"},
    VECTOR_QUANTIZE: {"color": "#D55E00", "marker": "D", "linestyle": "--"},
    NAIVE: {"color": "#777777", "marker": "^", "linestyle": ":"},
}
"""Told apart by marker and line as well as by colour (two of Okabe and Ito's), so that grey prints can be read."""

LIMITS: dict[str, dict[str, Any]] = {"product alone": {}, "copy alone": {"dashes": (1, 2)}}

AXES = {"N": "N, positions", "D": "D, channels", "K": "K, codes"}

LOWEST = 1e-6
"""Milliseconds, below all that is drawn."""

ROWS: Sequence[tuple[str, str, Callable[..., Floor]]] = (
    ("search", "exact search, ms", search_floor),
    ("training step", "VQ-EMA training step, ms", training_floor),
)


def sweep_figure(run: SpeedRun) -> Figure:
    """Search and training step in rows, the size that varies in columns."""
    figure = Figure(figsize=(11, 7), layout="constrained")
    panels = figure.subplots(len(ROWS), len(AXES), sharey="row", sharex="col", squeeze=False)
    for (kind, label, floor), line in zip(ROWS, panels, strict=True):
        for axis, panel in zip(AXES, line, strict=True):
            _draw(panel, run, kind, axis, floor)
        drawn = [value for panel in line for curve in panel.get_lines() for value in curve.get_ydata()]
        line[0].set_ylim(0.7 * min(drawn), 1.4 * max(drawn))  # the grey below goes on
        line[0].set_ylabel(label)
    for axis, panel in zip(AXES, panels[-1], strict=True):
        others = ", ".join(f"{name} = {size:,}" for name, size in SWEPT.items() if name != axis)
        panel.set_xlabel(f"{AXES[axis]}  ({others})")
    handles = {handle.get_label(): handle for line in panels for panel in line for handle in panel.get_lines()}
    names = [name for name in (*STYLES, *LIMITS) if name in handles]
    figure.legend([handles[name] for name in names], names, loc="outside upper center", ncols=len(names), frameon=False)
    conditions, limits = run.conditions, run.limits
    place = conditions.environment.processor if conditions.device == "cpu" else conditions.environment.device
    figure.supxlabel(
        f"{place}, {conditions.threads} threads, float32. Grey: cannot be done in float32 here, at the measured "
        f"{limits.flops_per_second / 1e9:,.0f} GFLOP/s of a matrix product and "
        f"{limits.bytes_per_second / 1e9:,.0f} GB/s of a copy (what fits the caches may be faster than that).",
        fontsize=8,
    )
    return figure


def _draw(panel: Any, run: SpeedRun, kind: str, axis: str, floor: Callable[..., Floor]) -> None:
    sizes = SWEEP[axis]
    groups = [_group(run, kind, {**SWEPT, axis: size}) for size in sizes]
    for name, style in STYLES.items():
        points = [(size, _fastest(group, name)) for size, group in zip(sizes, groups, strict=True) if group]
        drawn = [(size, 1e3 * seconds) for size, seconds in points if seconds is not None]
        if drawn:
            panel.plot(*zip(*drawn, strict=True), label=name, markersize=5, **style)
    floors = [floor(run.limits, *{**SWEPT, axis: size}.values()) for size in sizes]
    for name, style in LIMITS.items():
        limit = [1e3 * getattr(each, name.split()[0]) for each in floors]
        panel.plot(sizes, limit, color="black", linewidth=0.8, label=name, **style)
    ours = [_fastest(group, OURS) if group else None for group in groups]
    above = [seconds / max(limit) for seconds, limit in zip(ours, floors, strict=True) if seconds is not None]
    if above:
        panel.set_title(f"ours: {significant(min(above))} to {significant(max(above))}× the limit", fontsize=9)
    panel.set_xscale("log", base=2)
    panel.set_yscale("log")
    panel.fill_between(sizes, [1e3 * max(each) for each in floors], LOWEST, color="0.9", zorder=0)
    panel.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=7)
    panel.xaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.grid(color="0.85", linewidth=0.5)


def _group(run: SpeedRun, kind: str, sizes: dict[str, int]) -> Group | None:
    return next((group for group in run.groups if group.kind == kind and group.sizes == sizes), None)


def _fastest(group: Group, name: str) -> float | None:
    times = [each.median_seconds for each in group.results if family(each.competitor) == name]
    return min(times, default=None)


def save_sweep(path: StrPath, run: SpeedRun) -> list[Path]:
    """Write the picture beside `path` as PNG and SVG; returns where."""
    path = Path(path)
    return save(sweep_figure(run), path.parent, path.stem)
