"""What was measured of runs after they were stored, put into their tables: speeds of methods in turn, and priors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.records.generation import Priors
from benchmarks.records.throughput import SPEEDS, Throughput
from benchmarks.tables.columns import BY_NAME, GENERATION


def with_throughputs(frame: pd.DataFrame, throughputs: Sequence[Throughput]) -> pd.DataFrame:
    """The runs of `summaries.to_frame` with the speeds that were measured together.

    Where there are any for a table, it has no others: a method that was not timed then is left empty.
    """
    frame = frame.copy()
    for throughput in throughputs:
        rows = {(row.quantizer, row.rate): row for row in throughput.rows}
        part = frame["settings"] == throughput.settings
        timed = [rows.get(key) for key in zip(frame.loc[part, "quantizer"], frame.loc[part, "rate"], strict=True)]
        for name in SPEEDS:
            frame.loc[part, BY_NAME[name].heading] = [np.nan if row is None else row.median(name) for row in timed]
    return frame


def with_generations(frame: pd.DataFrame, generations: Priors) -> pd.DataFrame:
    """The runs of `summaries.to_frame` with what was measured of the priors on them."""
    if not generations:
        return frame
    frame = frame.copy()
    numbers = {run: of.numbers for run, (_, of) in generations.items()}
    for column in GENERATION:
        values = [numbers.get(run, {}).get(column.name) for run in frame["id"]]
        frame[column.heading] = np.array(values, float)
    return frame
