"""Stored runs as tables: one row per quantizer, means over seeds with their spread.

Runs are compared only within a group of equal protocol, preset, data and settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.results import Record

BASELINES = ("block-mean", "none")
"""Rows that frame the others: what no quantizer may fall below, and what none can exceed."""


@dataclass(frozen=True)
class Column:
    """One column of the tables: its heading, where a record holds it, and how it is written."""

    heading: str
    value: Callable[[Record], float | None]
    style: str
    mean_of_seeds: bool = True

    def format(self, mean: float, spread: float) -> str:
        """The mean over seeds, and ± the standard deviation where there are several."""
        if pd.isna(mean):
            return "–"
        text = self.style.format(mean)
        return text if pd.isna(spread) or not self.mean_of_seeds else f"{text} ± {self.style.format(spread)}"


def _metric(name: str, scale: float = 1.0) -> Callable[[Record], float | None]:
    def value(record: Record) -> float | None:
        measured = record.metrics.get(name)
        return None if measured is None else scale * measured

    return value


def _speed(name: str) -> Callable[[Record], float | None]:
    return lambda record: record.speed.get(name)


COLUMNS: tuple[Column, ...] = (
    Column("bits", lambda record: record.quantizer.bits_per_position, "{:.4g}", mean_of_seeds=False),
    Column("PSNR ↑", _metric("psnr"), "{:.2f}"),
    Column("SSIM ↑", _metric("ssim"), "{:.3f}"),
    Column("MS-SSIM ↑", _metric("ms_ssim"), "{:.3f}"),
    Column("LPIPS ↓", _metric("lpips"), "{:.3f}"),
    Column("rFID ↓", _metric("rfid"), "{:.2f}"),
    Column("SWD ↓", _metric("swd"), "{:.1f}"),
    Column("usage %", _metric("usage", 100), "{:.1f}"),
    Column("perplexity", _metric("perplexity"), "{:.0f}"),
    Column("bpp", _metric("bpp"), "{:.3f}", mean_of_seeds=False),
    Column("bpp (entropy)", _metric("bpp_entropy"), "{:.3f}"),
    Column("train img/s", lambda record: record.training.images_per_second, "{:.0f}"),
    Column("encode img/s", _speed("encode_images_per_second"), "{:.0f}"),
    Column("quantize img/s", _speed("quantize_images_per_second"), "{:.0f}"),
    Column("decode img/s", _speed("decode_images_per_second"), "{:.0f}"),
    Column("peak MB", _speed("peak_memory_megabytes"), "{:.0f}"),
    Column("params M", lambda record: record.parameters["total"] / 1e6, "{:.2f}", mean_of_seeds=False),
)


def group_title(record: Record) -> str:
    """What all rows of a record's table share."""
    changed = "".join(f", {name}={value}" for name, value in sorted(record.changes.items()))
    return (
        f"{record.data['name']} · preset {record.preset}{changed} · {record.training_images:,} training images · "
        f"protocol {record.protocol}"
    )


def label(record: Record) -> str:
    """The quantizer's name, with the options that it was given."""
    options = " ".join(f"{name}={value}" for name, value in record.quantizer.options.items())
    return f"{record.quantizer.name} {options}".strip()


def to_frame(records: Iterable[Record]) -> pd.DataFrame:
    """One row per run: what identifies it, then each column's number (NaN where it has none)."""
    rows = [
        {
            "group": group_title(record),
            "settings": record.settings,
            "quantizer": label(record),
            "name": record.quantizer.name,
            "seed": record.seed,
            "id": record.id,
            **{column.heading: column.value(record) for column in COLUMNS},
        }
        for record in records
    ]
    keys = ["group", "settings", "quantizer", "name", "seed", "id"]
    headings = [column.heading for column in COLUMNS]
    return pd.DataFrame(rows, columns=[*keys, *headings]).astype(dict.fromkeys(headings, float))


def summarise(frame: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds ("PSNR ↑") and standard deviations ("PSNR ↑ std"), one row per quantizer and rate.

    Baselines come first, the others by falling PSNR, group by group.
    """
    headings = [column.heading for column in COLUMNS]
    keys = ["group", "settings", "quantizer", "name"]
    grouped = frame.assign(rate=frame["bits"]).groupby([*keys, "rate"], sort=False, dropna=False)
    summary = grouped[headings].mean()
    summary.insert(0, "seeds", grouped["seed"].nunique())
    for heading in headings:
        summary[f"{heading} std"] = grouped[heading].std()
    summary = summary.reset_index().drop(columns="rate")
    rank = summary["name"].map(lambda name: BASELINES.index(name) if name in BASELINES else len(BASELINES))
    order = summary.assign(rank=rank).sort_values(
        ["group", "settings", "rank", "PSNR ↑", "quantizer"], ascending=[True, True, True, False, True]
    )
    return order.drop(columns="rank").reset_index(drop=True)


def text_table(summary: pd.DataFrame) -> pd.DataFrame:
    """One group of a summary with its numbers written out; columns that nobody measured are left out."""
    text = pd.DataFrame({"quantizer": summary["quantizer"], "seeds": summary["seeds"].astype(str)})
    for column in COLUMNS:
        if summary[column.heading].notna().any():
            pairs = zip(summary[column.heading], summary[f"{column.heading} std"], strict=True)
            text[column.heading] = [column.format(mean, spread) for mean, spread in pairs]
    return text


def groups(summary: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The tables of a summary: title and rows."""
    return [(str(title), part) for (title, _), part in summary.groupby(["group", "settings"], sort=False)]


def remarks(records: Sequence[Record]) -> list[str]:
    """Why columns are empty and what to know of the others, each once."""
    empty = {f"{name} is empty: {reason}" for record in records for name, reason in record.missing.items()}
    return sorted(empty) + sorted({f"{name}: {note}" for record in records for name, note in record.notes.items()})


def rich_tables(summary: pd.DataFrame, width: int) -> list[Table]:
    """One group for a terminal `width` characters wide: as many tables as its columns need lines.

    Every table repeats the quantizers' names.
    """
    text = text_table(summary)
    widths = {name: max(len(name), *text[name].str.len()) + 3 for name in text.columns}
    first, *others = text.columns
    lines: list[list[str]] = [[]]
    for name in others:
        if lines[-1] and widths[first] + 1 + sum(widths[other] for other in [*lines[-1], name]) > width:
            lines.append([])
        lines[-1].append(name)
    parts = []
    for names in lines:
        table = Table(header_style="bold")
        table.add_column(first, no_wrap=True)
        for name in names:
            table.add_column(name, justify="right", no_wrap=True)
        for row in text[[first, *names]].itertuples(index=False):
            table.add_row(*map(escape, row))
        parts.append(table)
    return parts


def print_groups(summary: pd.DataFrame, console: Console) -> None:
    """All groups on a terminal, each under its title."""
    for title, part in groups(summary):
        console.print(f"[bold]{escape(title)}[/]", soft_wrap=True, highlight=False)
        console.print(*rich_tables(part, console.width), sep="\n")


def markdown(summary: pd.DataFrame) -> str:
    """All groups as Markdown, each with its title."""
    parts = []
    for title, part in groups(summary):
        text = text_table(part)
        align = ["left"] + ["right"] * (len(text.columns) - 1)
        parts.append(f"**{title}**\n\n{text.to_markdown(index=False, disable_numparse=True, colalign=align)}\n")
    return "\n".join(parts)
