"""Stored source-coding runs as tables: means over seeds with their spread.

Runs are compared only within a group of equal protocol, source, block length and training.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.protocols.source_coding.lloyd_max import lloyd_max
from benchmarks.records.source_coding import SourceName, SourceRun
from benchmarks.tables.formats import NumberColumn

REFERENCE = "Lloyd–Max, scalar"


COLUMNS = (
    NumberColumn("bits", "true bits", "{:.4g}"),
    NumberColumn("distortion", "MSE ↓", "{:.5f}"),
    NumberColumn("snr", "SNR dB ↑", "{:.2f}"),
    NumberColumn("gap", "dB above bound ↓", "{:.2f}"),
    NumberColumn("usage", "usage", "{:.3f}"),
    NumberColumn("entropy", "entropy bits", "{:.2f}"),
    NumberColumn("perplexity", "perplexity", "{:.1f}"),
    NumberColumn("seconds", "train s", "{:.1f}"),
)
KEYS = ["protocol", "source", "block_length", "settings", "quantizer", "asked"]


def label(run: SourceRun) -> str:
    """The quantizer's name, with the options that it was given."""
    return run.quantizer.label


def to_frame(runs: Iterable[SourceRun]) -> pd.DataFrame:
    """One row per run. `asked` is the rate asked for, or the true one where none was."""
    rows = [
        {
            "protocol": run.protocol,
            "source": run.source.name,
            "block_length": run.source.block_length,
            "settings": run.settings,
            "quantizer": label(run),
            "asked": float(run.metrics["bits"] if run.asked_bits is None else run.asked_bits),
            "seed": run.seed,
            "vectors": run.training.vectors,
            "bound_name": run.source.bound_name,
            **{column.name: run.metrics[column.name] for column in COLUMNS[:-1]},
            "seconds": run.training.seconds,
        }
        for run in runs
    ]
    return pd.DataFrame(rows)


def summarise(frame: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds ("gap") and standard deviations ("gap_std"), by rate and then by distance to the bound."""
    grouped = frame.groupby(KEYS, sort=False)
    names = [column.name for column in COLUMNS]
    summary = grouped[names].mean().join(grouped[names].std().add_suffix("_std"))
    summary.insert(0, "seeds", grouped["seed"].nunique())
    summary = summary.join(grouped[["vectors", "bound_name"]].first()).reset_index()
    return summary.sort_values([*KEYS[:4], "asked", "gap", "quantizer"]).reset_index(drop=True)


def groups(summary: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """What may be compared, each with a title that says what its rows share."""
    parts = []
    for _, part in summary.groupby(KEYS[:4], sort=False):
        first = part.iloc[0]
        title = (
            f"{first['source']} · blocks of {first['block_length']} · {first['vectors']:,} training vectors · "
            f"bound: {first['bound_name']} · protocol {first['protocol']}"
        )
        parts.append((title, part))
    return parts


def written(row: pd.Series, column: NumberColumn) -> str:
    """A mean, and ± the standard deviation where there are several seeds."""
    text = column.style.format(row[column.name])
    spread = row[f"{column.name}_std"]
    return text if pd.isna(spread) or column.name == "bits" else f"{text} ± {column.style.format(spread)}"


def details(part: pd.DataFrame) -> pd.DataFrame:
    """Every number of one group, written out, a row for each quantizer and rate."""
    rows = [
        {
            "bits": f"{row['asked']:.4g}",
            "quantizer": row["quantizer"],
            "seeds": str(row["seeds"]),
            **{column.heading: written(row, column) for column in COLUMNS},
        }
        for _, row in part.iterrows()
    ]
    return pd.DataFrame(rows)


def overview(part: pd.DataFrame) -> pd.DataFrame:
    """dB above the bound of one group: a row for each quantizer, a column for each rate.

    A rate that is not the one asked for stands beside its number, in brackets: the bound is that of the true rate.
    """
    gap = next(column for column in COLUMNS if column.name == "gap")
    cells: dict[str, dict[float, str]] = {}
    for quantizer in part.groupby("quantizer")["gap"].mean().sort_values().index:
        cells[quantizer] = {}
        for _, row in part[part["quantizer"] == quantizer].iterrows():
            exact = math.isclose(row["bits"], row["asked"], abs_tol=1e-9)
            rate = "" if exact else f" [{row['bits']:.2f} bits]"
            cells[quantizer][row["asked"]] = written(row, gap) + rate
    rates = sorted(part["asked"].unique())
    reference = lloyd_max_gaps(part.iloc[0]["source"], int(part.iloc[0]["block_length"]), rates)
    if reference:
        cells[REFERENCE] = {rate: gap.style.format(value) for rate, value in reference.items()}
    return pd.DataFrame(
        [
            {"quantizer": name, **{f"{rate:.4g} bits": row.get(rate, "–") for rate in rates}}
            for name, row in cells.items()
        ]
    )


def lloyd_max_gaps(source: SourceName, block_length: int, rates: Iterable[float]) -> dict[float, float]:
    """dB above the bound of the best scalar quantizer, at the rates that are a whole number of levels per sample."""
    from benchmarks.protocols.source_coding.vectors import open_source  # takes seconds, as torch does

    opened = open_source(source, block_length)
    gaps = {}
    for rate in rates:
        levels = round(2 ** (rate / block_length))
        if opened.density is not None and levels > 1 and math.isclose(block_length * math.log2(levels), rate):
            gaps[rate] = 10 * math.log10(lloyd_max(opened.density, levels) / opened.bound(rate))
    return gaps


def print_groups(summary: pd.DataFrame, console: Console, *, every_number: bool) -> None:
    """All groups on a terminal, each under its title."""
    for title, part in groups(summary):
        text = details(part) if every_number else overview(part)
        table = Table(header_style="bold")
        for name in text.columns:
            table.add_column(name, justify="left" if name == "quantizer" else "right")
        for row in text.itertuples(index=False):
            table.add_row(*map(escape, row))
        console.print(f"[bold]{escape(title)}[/]", soft_wrap=True, highlight=False)
        console.print(table, highlight=False)


def markdown(summary: pd.DataFrame, *, every_number: bool) -> str:
    """All groups as Markdown, each under its title; the short form is dB above the bound."""
    parts = []
    for title, part in groups(summary):
        text = details(part) if every_number else overview(part)
        align = ["left" if name == "quantizer" else "right" for name in text.columns]
        what = "" if every_number else "dB above the bound ↓ · "
        parts.append(f"**{what}{title}**\n\n{text.to_markdown(index=False, disable_numparse=True, colalign=align)}\n")
    return "\n".join(parts)
