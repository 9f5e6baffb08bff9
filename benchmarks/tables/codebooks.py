"""The table of how each code of a position is used: whether some scale or depth has collapsed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.records.codebooks import CodebookUse, mean_use
from benchmarks.tables import summaries
from benchmarks.tables.formats import Cell, NumberColumn, Titled

LEGEND = (
    "Means over seeds, of the test set. Code 1 is the first of a position, of multi-scale the coarsest scale. "
    "Possible: the most that could be seen of usage, as a test set has few codes of a coarse scale."
)

MEASURES = (
    NumberColumn("usage", "usage %", "{:.1f}"),
    NumberColumn("possible", "possible %", "{:.1f}"),
    NumberColumn("perplexity", "perplexity", "{:.1f}"),
)


class UseTables(NamedTuple):
    """The tables, and all numbers of them, a row for each code of a method."""

    tables: list[Titled]
    numbers: pd.DataFrame


def use_tables(frame: pd.DataFrame, use_of: Callable[[str], CodebookUse | None]) -> UseTables:
    """Of the methods with several codes per position, in the order of `summarise`.

    Args:
        frame: As `summaries.to_frame` makes it.
        use_of: A run's id -> its use, None where it is not known.
    """
    ids = frame.groupby(summaries.KEYS, sort=False)["id"].agg(list)
    tables, numbers = [], []
    for title, rows in summaries.groups(summaries.summarise(frame)):
        found: list[tuple[str, CodebookUse]] = []
        for key in rows[summaries.KEYS].itertuples(index=False, name=None):
            uses = [use for run in ids[key] if (use := use_of(run)) is not None and len(use.usage) > 1]
            if uses:
                use = mean_use(uses)
                row = dict(zip(summaries.KEYS, key, strict=True))
                found.append((f"{row['quantizer']}, {row['rate']} bits" if row["rate"] else row["quantizer"], use))
                codes = {"code": np.arange(1, len(use.usage) + 1), **use._asdict()}
                numbers.append(pd.DataFrame({**row, **codes}))
        if found:
            tables.append(Titled(title, _cells(found)))
    return UseTables(tables, pd.concat(numbers, ignore_index=True) if numbers else pd.DataFrame())


def _cells(found: list[tuple[str, CodebookUse]]) -> pd.DataFrame:
    most = max(len(use.usage) for _, use in found)
    rows = []
    for label, use in found:
        shown = {"usage": 100 * use.usage, "possible": 100 * use.possible, "perplexity": use.perplexity}
        for measure in MEASURES:
            texts = ["–" if np.isnan(value) else measure.style.format(value) for value in shown[measure.name]]
            rows.append([label, measure.heading, *texts, *["–"] * (most - len(texts))])
    headings = ["quantizer", "of each code", *map(str, range(1, most + 1))]
    return pd.DataFrame(rows, columns=headings).map(Cell)
