"""Stored measurements of compression as tables: whole curves against JPEG's, and each rate by itself.

Measurements are compared only on the same pictures, sounds or films. Those of sounds and films have no BD-rate: the
protocol says why.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

import pandas as pd

from benchmarks.protocols.compression.bd_rate import LEAST_OVERLAP, METHOD, Curve, bd_rate, rate_at
from benchmarks.protocols.compression.published import SOURCE, published
from benchmarks.records.compression import CodecCoder, Compression
from benchmarks.tables.compression_columns import DESCRIBED, Described
from benchmarks.tables.formats import Cell, Titled

ANCHOR = "jpeg"

NONE = "–"


def described(group: Sequence[Compression]) -> Described:
    """How measurements on the same data are shown."""
    return DESCRIBED[group[0].signal]


def place_of(group: Sequence[Compression]) -> str:
    """The data that measurements share, in words."""
    data = group[0].data
    return f"{data['name']}, {data[group[0].signal]:,} {described(group).whole}"


def groups(records: Iterable[Compression]) -> list[list[Compression]]:
    """Measurements on the same data, in order of their name and rate; codecs first."""
    found: dict[tuple[str, str], list[Compression]] = {}
    for record in records:
        found.setdefault((record.data["name"], record.data["fingerprint"]), []).append(record)
    for group in found.values():
        group.sort(key=_place)
    return [found[key] for key in sorted(found)]


def _place(record: Compression) -> tuple[str, float, str, str]:
    coder = record.coder
    if isinstance(coder, CodecCoder):
        return "", 0, record.heading, record.id
    return coder.quantizer.name, coder.quantizer.bits_per_position or 0, record.heading, record.id


def headings(group: Sequence[Compression]) -> dict[str, str]:
    """By their ids, what measurements are called; with the id itself where several are called the same: other seeds,
    other trainings, other priors of a kind."""
    known = Counter(record.heading for record in group)
    return {of.id: of.heading if known[of.heading] == 1 else f"{of.heading} [{of.id}]" for of in group}


def curve(record: Compression, metric: str) -> Curve:
    """Rate and quality of all points that have it; MS-SSIM in dB."""
    rate_of = DESCRIBED[record.signal].rate
    pairs = [(point.metrics[rate_of], point.metrics.get(metric)) for point in record.points]
    known = [(rate, quality) for rate, quality in pairs if rate is not None and quality is not None]
    qualities = [quality for _, quality in known]
    return Curve([rate for rate, _ in known], in_decibels(qualities) if metric == "ms_ssim" else qualities)


def in_decibels(values: Iterable[float]) -> list[float]:
    """MS-SSIM as -10 log10(1 - MS-SSIM), as curves of learned codecs show it: near 1 its differences vanish."""
    return [-10 * math.log10(max(1 - value, 1e-10)) for value in values]


def anchor_of(group: Sequence[Compression]) -> Compression | None:
    """JPEG's measurement."""
    return next((of for of in group if isinstance(of.coder, CodecCoder) and of.coder.name == ANCHOR), None)


def to_frame(group: Sequence[Compression]) -> pd.DataFrame:
    """One row for each rate of each way of coding on the same data, with all numbers.

    Of pictures `over_anchor` is how many per cent more bits it takes than JPEG, interpolated, at the same PSNR.
    """
    anchor, called = anchor_of(group), headings(group)
    rows = []
    for record in group:
        for point in record.points:
            over = None if anchor is None or record is anchor else _over(point.metrics, curve(anchor, "psnr"))
            rows.append(
                {
                    "protocol": record.protocol,
                    "data": record.data["name"],
                    record.signal: record.data[record.signal],
                    "coder": called[record.id],
                    "is_codec": isinstance(record.coder, CodecCoder),
                    "rate": point.name,
                    "id": record.id,
                    **{column.name: point.metrics.get(column.name) for column in described(group).columns},
                    "over_anchor": over,
                }
            )
    return pd.DataFrame(rows)


def _over(metrics: Mapping[str, float | None], anchor: Curve) -> float | None:
    psnr, bpp = metrics.get("psnr"), metrics.get("bpp")
    rate = None if psnr is None else rate_at(anchor, psnr)
    return None if rate is None or bpp is None else 100 * (bpp / rate - 1)


def tables(group: Sequence[Compression], *, short: bool) -> list[Titled]:
    """What is to be read of measurements on the same data.

    Args:
        short: of codecs only the lowest rate in the table of rates.
    """
    place = f"{place_of(group)} · protocol {group[0].protocol}"
    rates = _rates(group, place, short=short)
    if group[0].signal != "pictures":
        return [rates]
    data = group[0].data
    found = [_curves(group, place), rates] if any(map(_is_curve, group)) else [rates]
    elsewhere = published(data["name"], data["pictures"])
    if elsewhere:
        rows = [
            {
                "codec": Cell(f"{each.name} ({each.paper})"),
                "bits/pixel": Cell(_range(each.bpp, "{:.3f}")),
                "PSNR": Cell(_range(each.psnr, "{:.2f}")),
                "MS-SSIM": Cell(NONE if each.ms_ssim is None else _range(each.ms_ssim, "{:.3f}")),
                "% over JPEG, equal PSNR": Cell(_published_over(group, each.bpp, each.psnr)),
            }
            for each in elsewhere
        ]
        found.append(Titled("Published elsewhere, not measured here", pd.DataFrame(rows), f"Source: {SOURCE}."))
    return found


def _published_over(group: Sequence[Compression], bpp: Sequence[float], psnr: Sequence[float]) -> str:
    anchor = anchor_of(group)
    if anchor is None:
        return NONE
    found, _ = bd_rate(Curve(bpp, psnr), curve(anchor, "psnr"))
    return NONE if found is None else f"{found:+.1f} (BD)"


def _curves(group: Sequence[Compression], place: str) -> Titled:
    """Bits over JPEG's at equal quality; of what has none the reason."""
    anchor, called = anchor_of(group), headings(group)
    rows = []
    for record in filter(_is_curve, group):
        cells = {
            "codec": Cell(called[record.id]),
            "rates": Cell(str(len(record.points))),
            "bits/pixel": Cell(_range(curve(record, "psnr").rates, "{:.3f}")),
        }
        for metric, heading in described(group).qualities.items():
            if anchor is None:
                found, reason = None, "no JPEG"
            else:
                found, reason = bd_rate(curve(record, metric), curve(anchor, metric))
            cells[f"{heading} ↓"] = Cell(f"{NONE} ({reason})" if found is None else f"{found:+.1f}")
        rows.append(cells)
    return Titled(f"BD-rate against JPEG, % of bits at equal quality · {place}", pd.DataFrame(rows), REMARK)


def _is_curve(record: Compression) -> bool:
    return len(record.points) > 1


REMARK = (
    f"Interpolated by {METHOD}. {NONE} where there is none: of a curve that does not rise throughout, or where the "
    f"qualities that both reach are under {100 * LEAST_OVERLAP:.0f} % of those that either does."
)


def _rates(group: Sequence[Compression], place: str, *, short: bool) -> Titled:
    frame = to_frame(group)
    if short:
        frame = frame[~frame["is_codec"] | ~frame.duplicated("id")]
    shown = [column for column in described(group).columns if frame[column.name].notna().any()]
    rows = [
        {
            "codec": Cell(f"{row['coder']}, {row['rate']}"),
            **{column.heading: Cell(_written(row[column.name], column.style)) for column in shown},
        }
        for _, row in frame.iterrows()
    ]
    missing = sorted({(reason, name) for of in group for name, reason in of.missing.items()})
    remarks = [
        f"Where there is no {', '.join(name for _, name in names)}: {reason}"
        for reason, names in groupby(missing, key=lambda pair: pair[0])
    ]
    return Titled(f"Each rate · {place}", pd.DataFrame(rows), "; ".join(remarks))


def _written(value: float | None, style: str) -> str:
    return NONE if value is None or pd.isna(value) else style.format(value)


def _range(values: Sequence[float], style: str) -> str:
    if not values:
        return NONE
    ends = [style.format(end) for end in (min(values), max(values))]
    return ends[0] if ends[0] == ends[1] else "–".join(ends)
