"""What pictures show as quality: the metrics that the runs have, and the baselines as lines."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmarks.plots.style import style
from benchmarks.tables.columns import BY_NAME, Column


def measured_qualities(rows: pd.DataFrame) -> list[Column]:
    """PSNR, and of the perceptual metrics those that any row has; SWD stands in for LPIPS and rFID."""
    learned = _measured(rows, "lpips", "rfid")
    return _measured(rows, "psnr") + (learned or _measured(rows, "swd"))


def _measured(rows: pd.DataFrame, *names: str) -> list[Column]:
    return [column for name in names if rows[(column := BY_NAME[name]).heading].notna().any()]


def draw_references(panel: Any, references: pd.DataFrame, column: Column) -> None:
    """A level line for each baseline of these rows."""
    measured = references.dropna(subset=[column.heading])
    for quantizer, level in zip(measured["quantizer"], measured[column.heading], strict=True):
        look = style(quantizer)
        panel.axhline(level, color=look["color"], linestyle=look["linestyle"], linewidth=1, zorder=1.8, label=quantizer)


def draw_label(panel: Any, column: Column) -> None:
    """The metric's name, with an arrow to where it is better."""
    panel.set_ylabel(f"{column.heading}{', dB' if column.name == 'psnr' else ''}")
