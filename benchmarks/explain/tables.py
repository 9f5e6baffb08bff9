"""The table of an explanation: each variant's numbers, and how far they are from the protocol's."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich.console import Console
from rich.markup import escape

from benchmarks import formats
from benchmarks.columns import BY_NAME
from benchmarks.explain.record import Explanation, Row
from benchmarks.formats import Cell, Titled
from benchmarks.protocols.variants import METRICS, PAPERS

LEGEND = (
    "In brackets: the difference to the protocol, first row. =: the variant makes this number as the protocol does. "
    "–: not at hand."
)

DECIMALS = {"psnr": 3, "ssim": 4, "ms_ssim": 4, "lpips": 4, "rfid": 3, "swd": 2}
"""One more than tables of runs have: what is compared here are not tokenizers but ways to measure one."""


def depends(row: Row, metric: str) -> bool:
    """Whether the variant makes the metric otherwise than the protocol."""
    return bool({"crop", *METRICS[metric]} & row.changes.keys())


def tables(explanation: Explanation) -> list[Titled]:
    """One choice changed at a time, and papers' whole settings: the metrics that are at hand, and the variants that
    change one of them."""
    default = explanation.default
    shown = [metric for metric in METRICS if any(row.metrics[metric] is not None for row in explanation.rows)]
    others = [row for row in explanation.rows[1:] if any(depends(row, metric) for metric in shown)]
    test = explanation.data["test"]["pictures"]
    place = f"{explanation.label} · {explanation.data['name']}, {test} pictures · {default.name}"
    papers = [row for row in others if row.name in PAPERS]
    singles = [row for row in others if row.name not in PAPERS]
    groups = (("one choice changed", singles), ("papers' whole settings", papers))
    return [Titled(f"{place} · {title}", _cells([default, *rows], default, shown)) for title, rows in groups if rows]


def _cells(rows: Sequence[Row], default: Row, metrics: Sequence[str]) -> pd.DataFrame:
    columns = {"variant": [Cell(row.name) for row in rows]}
    for metric in metrics:
        columns[BY_NAME[metric].heading] = [_cell(row, default, metric) for row in rows]
    return pd.DataFrame(columns)


def _cell(row: Row, default: Row, metric: str) -> Cell:
    value, reference, decimals = row.metrics[metric], default.metrics[metric], DECIMALS[metric]
    if value is None:
        return Cell("–")
    if row is default or reference is None:
        return Cell(f"{value:.{decimals}f}")
    if not depends(row, metric):
        return Cell("=")
    difference = f"{value - reference:+.{decimals}f}".replace("-", "−")
    return Cell(f"{value:.{decimals}f} ({difference})")


def show_explanation(explanation: Explanation, console: Console) -> None:
    """The tables of one explanation, and what to know of them."""
    formats.print_tables(tables(explanation), console)
    for remark in [LEGEND, *remarks(explanation)]:
        console.print(escape(remark), soft_wrap=True, highlight=False)


def remarks(explanation: Explanation) -> list[str]:
    """Why numbers are not at hand, each reason once, and where each variant is from."""
    missing = {(metric, reason) for row in explanation.rows for metric, reason in row.missing.items()}
    sources = [f"{row.name}: {row.source}" for row in explanation.rows[1:]]
    return [f"{metric} is empty: {reason}" for metric, reason in sorted(missing)] + sources
