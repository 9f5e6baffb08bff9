"""Speeds of methods measured in turn, after their runs were stored, put into the tables of these."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmarks.records.throughput import SPEEDS, Throughput
from benchmarks.tables.columns import BY_NAME


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
