"""The table of canvases: pictures drawn from a prior of one texture, beside it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmarks.records.texture import Canvas
from benchmarks.tables.formats import Cell, NumberColumn, Titled

LEGEND = (
    "Between squares of the canvas and those that were trained on; in brackets the same of the texture's other part, "
    "which nobody drew."
)

MEASURES = (
    NumberColumn("swd", "SWD ↓", "{:.1f}"),
    NumberColumn("autocorrelation", "autocorrelation ↓", "{:.3f}"),
)


def numbers(canvases: Sequence[Canvas]) -> pd.DataFrame:
    """A row for each canvas."""
    rows = [
        {
            "protocol": record.protocol,
            "texture": run.data["name"],
            "quantizer": run.quantizer.label,
            "bits": run.quantizer.bits_per_position or 0,
            "squares": run.data["image_size"],
            "height": record.extent[0],
            "width": record.extent[1],
            **record.metrics,
        }
        for record, run in canvases
    ]
    return pd.DataFrame(rows)


def tables(canvases: Sequence[Canvas]) -> list[Titled]:
    """One table for each protocol; none where there is no canvas."""
    return [Titled(f"protocol {protocol}", _cells(rows)) for protocol, rows in numbers(canvases).groupby("protocol")]


def _cells(rows: pd.DataFrame) -> pd.DataFrame:
    shown = {
        "texture": rows["texture"],
        "quantizer": rows["quantizer"],
        "bits": rows["bits"].map("{:.4g}".format),
        "squares": rows["squares"].map("{} px".format),
        "canvas": [f"{width} × {height} px" for width, height in zip(rows["width"], rows["height"], strict=True)],
    }
    for measure in MEASURES:
        own, of_test = rows[measure.name], rows[f"{measure.name}_of_test"]
        shown[measure.heading] = [_beside(measure, *pair) for pair in zip(own, of_test, strict=True)]
    return pd.DataFrame(shown).map(Cell)


def _beside(measure: NumberColumn, *numbers: float) -> str:
    own, of_test = ("–" if pd.isna(number) else measure.style.format(number) for number in numbers)
    return f"{own} ({of_test})"
