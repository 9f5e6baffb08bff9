"""The table of an explanation: each variant's numbers, and how far they are from the protocol's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.protocols.variants.names import METRICS, PAPERS
from benchmarks.records.variants import Explanation, Row
from benchmarks.tables import formats
from benchmarks.tables.columns import BY_NAME
from benchmarks.tables.formats import Cell, Titled

LEGEND = (
    "In brackets: the difference to the protocol, first row. =: the variant makes this number as the protocol does. "
    "–: not at hand."
)

LEGEND_ACROSS = (
    "First row: the range of the protocol's own numbers over the tokenizers. Others: the mean difference to it, and "
    "the range of that. =: the variant makes this number as the protocol does. –: not at hand."
)

Numbers = NDArray[np.float64]
WriteCell = Callable[[Numbers, Numbers | None, int], str]
"""From a metric of all tokenizers under a variant, under the protocol (None where that lacks it, and in its own row),
and decimals."""

DECIMALS = {"psnr": 3, "ssim": 4, "ms_ssim": 4, "lpips": 4, "rfid": 3, "swd": 2}
"""One more than tables of runs have: what is compared here are not tokenizers but ways to measure one."""


def depends(row: Row, metric: str) -> bool:
    """Whether the variant makes the metric otherwise than the protocol."""
    return bool({"crop", *METRICS[metric]} & row.changes.keys())


def tables(explanation: Explanation) -> list[Titled]:
    """One choice changed at a time, and papers' whole settings: the metrics that are at hand, and the variants that
    change one of them."""
    return _grouped([explanation], explanation.label, _cell)


def tables_across(explanations: Sequence[Explanation]) -> list[Titled]:
    """The same for each set of pictures: the mean difference and its range over all tokenizers measured on it, in the
    variants that all were measured under."""
    on: dict[tuple[str, str], list[Explanation]] = {}
    for explanation in explanations:
        on.setdefault((explanation.data["fingerprint"], explanation.default.name), []).append(explanation)
    return [
        table
        for group in on.values()
        for table in _grouped(group, f"{len(group)} tokenizer{'s' * (len(group) > 1)}", _range)
    ]


def _grouped(explanations: Sequence[Explanation], who: str, cell: WriteCell) -> list[Titled]:
    first = explanations[0]
    by_name = [{row.name: row for row in explanation.rows} for explanation in explanations]
    rows = [[named[row.name] for named in by_name] for row in first.rows if all(row.name in named for named in by_name)]
    default, *others = rows
    shown = [metric for metric in METRICS if any(row.metrics[metric] is not None for same in rows for row in same)]
    others = [same for same in others if any(depends(same[0], metric) for metric in shown)]
    place = f"{who} · {first.data['name']}, {first.data['test']['pictures']} pictures · {default[0].name}"
    papers = [same for same in others if same[0].name in PAPERS]
    singles = [same for same in others if same[0].name not in PAPERS]
    groups = (("one choice changed", singles), ("papers' whole settings", papers))
    return [Titled(f"{place} · {title}", _cells([default, *some], shown, cell)) for title, some in groups if some]


def _cells(rows: Sequence[Sequence[Row]], metrics: Sequence[str], cell: WriteCell) -> pd.DataFrame:
    """`rows`: the protocol's first, each of all tokenizers."""
    columns = {"variant": [Cell(same[0].name) for same in rows]}
    for metric in metrics:
        columns[BY_NAME[metric].heading] = [Cell(_text(same, rows[0], metric, cell)) for same in rows]
    return pd.DataFrame(columns)


def _text(rows: Sequence[Row], defaults: Sequence[Row], metric: str, cell: WriteCell) -> str:
    values = [row.metrics[metric] for row in rows]
    if None in values:
        return "–"
    if rows is not defaults and not depends(rows[0], metric):
        return "="
    references = [row.metrics[metric] for row in defaults]
    alone = rows is defaults or None in references
    return cell(np.array(values), None if alone else np.array(references), DECIMALS[metric])


def _cell(values: Numbers, references: Numbers | None, decimals: int) -> str:
    value = f"{values[0]:.{decimals}f}"
    return value if references is None else f"{value} ({_signed(float(values[0] - references[0]), decimals)})"


def _range(values: Numbers, references: Numbers | None, decimals: int) -> str:
    if references is None:
        return f"{values.min():.{decimals}f} to {values.max():.{decimals}f}"
    mean, least, most = (_signed(float(f(values - references)), decimals) for f in (np.mean, np.min, np.max))
    return f"{mean} ({least} to {most})"


def _signed(difference: float, decimals: int) -> str:
    return f"{difference:+.{decimals}f}".replace("-", "−")


def show(built: Sequence[Titled], legend: str, explanations: Sequence[Explanation], console: Console) -> None:
    """Tables of these explanations, and what to know of them: how to read the cells, why numbers are not at hand, each
    reason once, and where each variant is from."""
    rows = [row for explanation in explanations for row in explanation.rows]
    missing = {(metric, reason) for row in rows for metric, reason in row.missing.items()}
    empty = [f"{metric} is empty: {reason}" for metric, reason in sorted(missing)]
    own = {explanation.default.name for explanation in explanations}
    sources = {row.name: f"{row.name}: {row.source}" for row in rows if row.name not in own}
    formats.print_tables(built, console, [legend, *empty, *sources.values()])
