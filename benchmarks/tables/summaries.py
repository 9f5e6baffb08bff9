"""Stored runs as tables: one row per quantizer and rate, means over seeds with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.records import statistics
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import Record
from benchmarks.records.resampling import RESAMPLED, resampled_metrics
from benchmarks.records.statistics import Measured
from benchmarks.tables.columns import BY_NAME, COLUMNS, Column, columns_of
from benchmarks.tables.comparable import BASELINES, FRAME, Row, backbone, within_settings
from benchmarks.tables.formats import Cell, Titled
from benchmarks.tables.verdicts import verdict

BITS, PSNR, MEL = (BY_NAME[name] for name in ("bits", "psnr", "mel_distance"))

Resamples = Callable[[str], Mapping[str, np.ndarray]]
"""A run's id -> its metrics on the fixed resamples of the test pictures."""


LEGEND = (
    "±: 95 % interval over seeds (from three) and the test set. Bold: the best at its rate, and all that cannot be "
    "told from it (differences paired by its items, 5 % of false calls among all pairs)."
)

KEYS = ["group", "settings", "quantizer", "name", "rate", "backbone"]
"""What makes a row."""


def stored_resamples(paths: Mapping[str, Sequence[Path]]) -> Resamples:
    """What the arrays beside records say, by the runs' ids, of each run those of all its records; read once.

    Raises:
        RecordError: when called for a run whose arrays are damaged.
    """

    @cache
    def resamples(run: str) -> Mapping[str, np.ndarray]:
        return {
            name: values
            for path in paths[run]
            for name, values in resampled_metrics(read_arrays(path, RESAMPLED)).items()
        }

    return resamples


def to_frame(records: Iterable[Record], row_of: Callable[[Record], Row] = within_settings) -> pd.DataFrame:
    """One row per run: what identifies it, then each column's number (NaN where it has none).

    A run that is stored twice counts once.
    """
    rows = [
        (
            row.group,
            row.settings,
            row.label,
            record.quantizer.name,
            row.rate,
            backbone(record),
            record.seed,
            record.id,
            record.training.steps > 0,
            *(column.value(record) for column in COLUMNS),
        )
        for record, row in ((record, row_of(record)) for record in records)
    ]
    headings = [column.heading for column in COLUMNS]
    frame = pd.DataFrame(rows, columns=[*KEYS, "seed", "id", "trained", *headings])
    return frame.astype(dict.fromkeys(headings, float)).drop_duplicates([*KEYS, "seed"], ignore_index=True)


def summarise(frame: pd.DataFrame, resamples: Resamples = lambda run: {}) -> pd.DataFrame:
    """One row per quantizer and rate; for each column such as "PSNR ↑" the mean over seeds, and beside it

    - "PSNR ↑ std", the standard deviation over seeds;
    - "PSNR ↑ ±", half of the mean's 95 % interval over seeds and pictures;
    - "PSNR ↑ best", whether it is the best of its rate or cannot be told from it (baselines never are, and nothing is
      where no test is possible).

    Group by group, the frame first, then by rate, at each rate k-means and the others by falling PSNR, or of sounds by
    rising distance of mel spectrograms.
    """
    grouped = frame.groupby(KEYS, sort=False)
    columns = columns_of(frame)
    headings = [column.heading for column in columns]
    keys = grouped[["seed"]].nunique().rename(columns={"seed": "seeds"})
    parts = [keys, grouped[headings].mean(), grouped[headings].std().add_suffix(" std")]
    summary = pd.concat(parts, axis=1).reset_index()
    number = grouped.ngroup().to_numpy()  # of the row that a run belongs to, in the order of `keys`
    by_row = np.argsort(number, kind="stable")
    rows = np.split(by_row, np.flatnonzero(np.diff(number[by_row], prepend=-1)))[1:]
    ids, trained = frame["id"].to_numpy(), frame["trained"].to_numpy()
    found: dict[str, Any] = {}
    for column in columns:
        values = frame[column.heading].to_numpy()
        measured = [_measured(values[row], ids[row], bool(trained[row].any()), column, resamples) for row in rows]
        found[f"{column.heading} ±"] = statistics.half_widths(measured) if measured else []
        found[f"{column.heading} best"] = _best(summary, column, measured)
    summary = pd.concat([summary, pd.DataFrame(found, summary.index)], axis=1)
    rank = summary["name"].map(lambda name: FRAME.index(name) if name in FRAME else len(FRAME))
    quality = summary[PSNR.heading].fillna(-summary[MEL.heading]) if MEL in columns else summary[PSNR.heading]
    order = summary.assign(rank=rank, competes=~summary["name"].isin(BASELINES), quality=quality).sort_values(
        ["group", "settings", "rank", "rate", "competes", "quality", "quantizer"],
        ascending=[True, True, True, True, True, False, True],
    )
    return order.drop(columns=["rank", "competes", "quality"]).reset_index(drop=True)


def _measured(values: np.ndarray, ids: Sequence[str], trained: bool, column: Column, resamples: Resamples) -> Measured:
    """What was measured of a row's runs; their mean on resamples only where every run has them."""
    if column.metric is None:
        found = [np.zeros(2)]  # other pictures would change nothing
    else:
        found = [each for run in ids if (each := resamples(run).get(column.metric)) is not None]
    complete = column.metric is None or len(found) == len(ids)
    resampled = column.scale * np.mean(found, 0) if complete else None
    return Measured(values, resampled, trained)


def _best(summary: pd.DataFrame, column: Column, measured: Sequence[Measured]) -> pd.Series:
    """Whether a row is the best of its group and rate, or cannot be told from the best."""
    marks = pd.Series(False, index=summary.index)
    rivals = summary[~summary["name"].isin(BASELINES) & (summary["rate"] > 0)]
    if column.better is not None:
        for _, part in rivals.groupby(["group", "settings", "rate"], sort=False):
            if len(part) > 1:
                rows = [measured[row] for row in part.index]
                marks[part.index] = statistics.best(rows, column.better == "high")
    return marks


def groups(summary: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The tables of a summary: title and rows."""
    return [(str(title), part) for (title, _), part in summary.groupby(["group", "settings"], sort=False)]


def comparison(summary: pd.DataFrame, columns: Sequence[Column] = COLUMNS) -> list[Titled]:
    """The tables of a summary with their numbers written out; columns that nobody measured are left out."""
    return [Titled(title, _cells(part, columns), verdict(part)) for title, part in groups(summary)]


def _cells(part: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    cells = {"quantizer": [Cell(name) for name in part["quantizer"]], "seeds": [Cell(str(n)) for n in part["seeds"]]}
    if part.loc[part["rate"] > 0, "rate"].nunique() > 1 and BITS not in columns:
        columns = [BITS, *columns]  # else nothing would tell the rows of a quantizer apart
    for column in columns:
        name = column.heading
        if name in part and part[name].notna().any():
            numbers = zip(part[name], part[f"{name} ±"], part[f"{name} best"], strict=True)
            cells[name] = [Cell(column.format(mean, width), best) for mean, width, best in numbers]
    return pd.DataFrame(cells)


def matrices(frame: pd.DataFrame, column: Column, resamples: Resamples) -> list[Titled]:
    """For each group and rate, row minus column for all rows, with 95 % intervals; bold where row beats column.

    Baselines belong to every rate.
    """
    tables = []
    for (group, _), part in frame.groupby(["group", "settings"], sort=False):
        framing = part[part["rate"] == 0]
        for rate, rivals in part[part["rate"] > 0].groupby("rate"):
            rows = [(key[2], runs) for key, runs in pd.concat([framing, rivals]).groupby(KEYS, sort=False)]
            labels = [name for name, _ in rows]
            trained = [bool(runs["trained"].any()) and runs["name"].iloc[0] not in BASELINES for _, runs in rows]
            measured = [
                _measured(
                    runs[column.heading].to_numpy(), list(runs["id"]), bool(runs["trained"].any()), column, resamples
                )
                for _, runs in rows
            ]
            found = statistics.differences(measured)
            wins = statistics.wins(measured, column.better != "low")
            cells: dict[str, list[Cell]] = {"row − column": [Cell(name) for name in labels]}
            for j, name in enumerate(labels):
                cells[name] = [_difference(column, found, wins, i, j) for i in range(len(labels))]
            title = f"{column.heading}, row − column at {rate} bits · {group}"
            tables.append(Titled(title, pd.DataFrame(cells), _resolved(column, found, trained)))
    return tables


def _resolved(column: Column, found: statistics.Differences, competes: Sequence[bool]) -> str:
    """How small a difference between two quantizers these seeds and pictures tell from none; nothing where unknown."""
    places = np.flatnonzero(competes)
    widths = found.half_width[np.ix_(places, places)][np.triu_indices(len(places), 1)]
    widths = widths[~np.isnan(widths)]
    if not len(widths):
        return ""
    middle, most = (column.format(value, np.nan) for value in (np.median(widths), widths.max()))
    return (
        f"Half of the 95 % intervals between two quantizers: {middle} in the middle of all pairs, {most} at most. "
        "Smaller differences are not resolved."
    )


def _difference(column: Column, found: statistics.Differences, wins: np.ndarray, i: int, j: int) -> Cell:
    estimate, width = found.estimate[i, j], found.half_width[i, j]
    if i == j or np.isnan(estimate):
        return Cell("–")
    sign, size = "−" if estimate < 0 else "+", column.format(abs(estimate), width)
    return Cell(f"{sign}{size}", bool(wins[i, j]))
