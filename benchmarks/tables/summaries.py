"""Stored runs as tables: one row per quantizer and rate, means over seeds with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.records import baselines, statistics
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import Record
from benchmarks.records.resampling import RESAMPLED, resampled_metrics
from benchmarks.records.statistics import Measured
from benchmarks.tables.columns import BY_NAME, COLUMNS, Column, columns_of
from benchmarks.tables.comparable import BASELINES, CODECS, FRAME, Row, backbone, within_settings
from benchmarks.tables.formats import Cell, Titled

BITS, PSNR, MEL, PESQ, KBPS = (BY_NAME[name] for name in ("bits", "psnr", "mel_distance", "pesq", "kbps"))

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
    return [Titled(title, _cells(part, columns), _remark(part)) for title, part in groups(summary)]


def _remark(rows: pd.DataFrame) -> str:
    return " ".join(filter(None, (verdict(rows), untested(rows))))


def untested(rows: pd.DataFrame) -> str:
    """What is to be said under a table at some of whose rates nothing can be tested; nothing elsewhere."""
    marks = [f"{column.heading} best" for column in columns_of(rows) if column.better is not None]
    competing = rows[~rows["name"].isin(BASELINES) & (rows["rate"] > 0)]
    rates = [
        str(rate)
        for rate, rivals in competing.groupby("rate")
        if len(rivals) > 1 and not rivals[marks].to_numpy().any()
    ]
    if not rates:
        return ""
    return (
        f"Nothing is bold at {', '.join(rates)} bits, where no difference can be tested: that takes "
        f"{statistics.FEWEST_SEEDS} seeds of each row, and several test pictures."
    )


def verdict(rows: pd.DataFrame) -> str:
    """What is to be said under a table whose rows are no better than what needs no network; nothing where they are.

    Of each network that which does best without a quantizer counts.
    """
    if MEL.heading in rows and rows[MEL.heading].notna().any():
        return _verdict_of_sounds(rows)
    quality = rows[PSNR.heading]
    better = _codecs_not_worse(rows, PSNR)
    found = []
    ceilings = quality[rows["name"] == "none"].dropna().groupby([rows["backbone"], rows["bpp"]], sort=False).idxmax()
    for bpp, of_networks in rows.loc[ceilings].groupby("bpp"):
        linear = quality[(rows["name"] == baselines.PCA) & (rows["bpp"] == bpp)].max()
        below = of_networks[quality[of_networks.index] <= linear]
        if len(below):
            names = (f"{row['quantizer']} ({PSNR.format(row[PSNR.heading], np.nan)} dB)" for _, row in below.iterrows())
            found.append(
                f"{', '.join(names)} {'is' if len(below) == 1 else 'are'} not above pca "
                f"({PSNR.format(linear, np.nan)} dB), a linear transform to as many channels"
            )
    for rate, rivals in rows[rows["rate"] > 0].groupby("rate"):
        competes = ~rivals["name"].isin(BASELINES)
        best, classical = quality[rivals.index[competes]].max(), quality[rivals.index[~competes]].max()
        if best <= classical:
            found.append(
                f"at {rate} bits no quantizer ({PSNR.format(best, np.nan)} dB at best) is above kmeans "
                f"({PSNR.format(classical, np.nan)} dB), vector quantization of raw pixels"
            )
    return _said(found, better)


def _verdict_of_sounds(rows: pd.DataFrame) -> str:
    """The transform must be beaten at equal bits, and it is said where a codec in daily use is better at no more."""
    found = []
    for rate, rivals in rows[rows["rate"] > 0].groupby("rate"):
        competes = rivals[~rivals["name"].isin(BASELINES)]
        mel, classical = competes[MEL.heading].min(), rivals.drop(competes.index)[MEL.heading].min()
        if mel >= classical:
            found.append(
                f"at {rate} bits no quantizer (mel {MEL.format(mel, np.nan)} at best) is below mdct-kmeans "
                f"({MEL.format(classical, np.nan)}), k-means of a transform"
            )
    return _said(found, _codecs_not_worse(rows, PESQ))


def _codecs_not_worse(rows: pd.DataFrame, quality: Column) -> list[str]:
    """Of each rate the best codec at no more bits a second than its quantizers, where none of these is better."""
    if quality.heading not in rows or KBPS.heading not in rows:
        return []
    found = []
    of_codecs = rows[rows["name"].isin(CODECS)]
    for rate, rivals in rows[rows["rate"] > 0].groupby("rate"):
        competes = rivals[~rivals["name"].isin(BASELINES)]
        best, kbps = competes[quality.heading].max(), competes[KBPS.heading].max()
        codecs = of_codecs[of_codecs[KBPS.heading] <= kbps].dropna(subset=[quality.heading])
        if len(codecs) and (codec := codecs.loc[codecs[quality.heading].idxmax()])[quality.heading] >= best:
            name = quality.heading.removesuffix(" ↑")
            found.append(
                f"{codec['quantizer']} ({KBPS.format(codec[KBPS.heading], np.nan)} kbit/s, {name} "
                f"{quality.format(codec[quality.heading], np.nan)}) is not worse than every quantizer at {rate} bits "
                f"({KBPS.format(kbps, np.nan)} kbit/s, {quality.format(best, np.nan)} at best)"
            )
    return found


def _said(found: Sequence[str], better: Sequence[str]) -> str:
    """What makes a table one of the training, and which codecs are not worse, in sentences."""
    said = [f"This table measures the training and not the quantizers: {'; '.join(found)}."] if found else []
    return " ".join([*said, *(f"{line[0].upper()}{line[1:]}." for line in better)])


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
