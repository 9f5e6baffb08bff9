"""Quality over the bits of whole files, tokenizers beside codecs; and the same crop at the same bytes by each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.plots.saving import Format, save
from benchmarks.plots.style import GRID, style, wrapped
from benchmarks.protocols.compression.published import published
from benchmarks.records.arrays import read_arrays
from benchmarks.records.compression import (
    CodecCoder,
    CodecName,
    Compression,
    Sample,
    StoredCompressions,
    TokenizerCoder,
)
from benchmarks.tables.compression import curve, described, groups, headings, in_decibels, place_of
from storage.paths import StrPath

CODECS: Mapping[CodecName, dict[str, Any]] = {
    "jpeg": {"color": "black", "linestyle": "-"},
    "webp": {"color": "black", "linestyle": "--"},
    "avif": {"color": "0.5", "linestyle": "-"},
    "jpeg-xl": {"color": "0.5", "linestyle": "--"},
    "opus": {"color": "black", "linestyle": "-"},
    "mp3": {"color": "0.5", "linestyle": "-"},
    "h264": {"color": "black", "linestyle": "-"},
    "hevc": {"color": "black", "linestyle": "--"},
    "av1": {"color": "0.5", "linestyle": "-"},
}
"""Lines without marks; tokenizers have colours and marks, as in all pictures."""

FILLED = {"fixed-length": "none", "histogram": "left"}
"""How marks say what codes are coded under; a prior's are full."""

ELSEWHERE: dict[str, Any] = {"color": "#E69F00", "linewidth": 0.8, "linestyle": ":"}


def rate_quality_figure(group: Sequence[Compression]) -> Figure:
    """Measurements on the same data, a panel for each metric; what others published in thin dots."""
    lines, shown = _lines(group), described(group)
    figure = Figure(figsize=(5 * len(shown.qualities), 6), layout="constrained")
    panels = figure.subplots(1, len(shown.qualities))
    for panel, (metric, heading) in zip(panels, shown.qualities.items(), strict=True):
        for called, records in lines.items():
            curves = [curve(record, metric) for record in records]
            points = sorted(point for drawn in curves for point in zip(drawn.rates, drawn.qualities, strict=True))
            if points:
                panel.plot(*zip(*points, strict=True), label=wrapped(called, 48), **_look(records[0]))
        for each in published(group[0].data["name"], group[0].data[group[0].signal]):
            values = {"psnr": each.psnr, "ms_ssim": each.ms_ssim and in_decibels(each.ms_ssim)}.get(metric)
            if values is not None:
                panel.plot(each.bpp, values, label="learned codecs and VTM, published elsewhere", **ELSEWHERE)
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter("{x:g}")
        panel.set_xlabel(shown.rate_words)
        panel.set_ylabel(heading)
        panel.grid(**GRID)
    handles = {line.get_label(): line for panel in panels for line in panel.get_lines()}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    figure.suptitle(place_of(group))
    return figure


def _lines(group: Sequence[Compression]) -> dict[str, list[Compression]]:
    """Measurements by the line that goes through them: one at several rates, or runs of one rate each that differ in
    nothing but the rate and the seed."""
    called = headings(group)
    found: dict[str, list[Compression]] = {}
    for record in group:
        coder = record.coder
        if isinstance(coder, TokenizerCoder) and coder.preset is not None and len(record.points) == 1:
            name = f"{coder.quantizer.label} ({coder.preset}), {coder.model}"
        else:
            name = called[record.id]
        found.setdefault(name, []).append(record)
    return found


def _look(record: Compression) -> dict[str, Any]:
    if isinstance(record.coder, CodecCoder):
        return CODECS[record.coder.name]
    look = style(record.coder.quantizer.label)
    return {**look, "fillstyle": FILLED.get(record.coder.model, "full"), "markersize": 8}


def crops_figure(record: Compression, arrays: Mapping[str, np.ndarray]) -> Figure:
    """Crops of a few pictures: the original, the tokenizer's, and each codec's at no more bytes than that, or else its
    fewest."""
    names = ["original", "coded", *record.samples[0].bytes]
    figure = Figure(figsize=(2.4 * len(names), 2.9 * len(record.samples)), layout="constrained")
    panels = figure.subplots(len(record.samples), len(names), squeeze=False)
    for place, (sample, line) in enumerate(zip(record.samples, panels, strict=True)):
        for name, panel in zip(names, line, strict=True):
            panel.imshow(arrays[f"samples/{name}/{place}"], interpolation="nearest")
            panel.set_xticks([])
            panel.set_yticks([])
            panel.set_xlabel(sample.picture if name == "original" else _size(sample, name), fontsize=8)
            if place == 0:
                panel.set_title(wrapped(HEADINGS.get(name) or record.heading, 26), fontsize=9)
    return figure


def _size(sample: Sample, name: str) -> str:
    """The true bytes of what is shown."""
    size = sample.budget if name == "coded" else sample.bytes[name]
    return f"{size:,} bytes" + (" (its fewest)" if size > sample.budget else "")


HEADINGS = {"original": "original", "jpeg": "JPEG", "webp": "WebP", "avif": "AVIF", "jpeg-xl": "JPEG XL"}


def figures(stored: StoredCompressions) -> Iterator[tuple[str, str, Figure]]:
    """File stem, title and figure: curves of each data set, and crops of pictures by each tokenizer on it, under the
    model of its codes that makes the smallest files."""
    paths = {id(record): path for path, record in stored}
    for group in groups(record for _, record in stored):
        data = group[0].data
        stem = f"compression-{data['name']}"
        if len({of.data["fingerprint"] for _, of in stored if of.data["name"] == data["name"]}) > 1:
            stem += f"-{data['fingerprint'][:8]}"
        if any(record.points for record in group):
            yield stem, f"Compression, {data['name']}", rate_quality_figure(group)
        for record in _smallest(group):
            arrays = read_arrays(paths[id(record)], ("samples",))
            yield f"{stem}-{record.id}", f"The same bytes, {record.heading}", crops_figure(record, arrays)


def _smallest(group: Iterable[Compression]) -> list[Compression]:
    """Of each run the measurement with the smallest files, of those that have crops."""
    found: dict[str, Compression] = {}
    for record in group:
        if isinstance(record.coder, TokenizerCoder) and record.samples:
            before = found.get(record.coder.fingerprint)
            if before is None or _bytes(record) < _bytes(before):
                found[record.coder.fingerprint] = record
    return list(found.values())


def _bytes(record: Compression) -> int:
    return sum(sample.budget for sample in record.samples)


def save_figures(stored: StoredCompressions, folder: StrPath, formats: Sequence[Format] = ("svg", "png")) -> list[Path]:
    """Write `compression-DATA.png` and its like; returns where."""
    return [path for stem, _, figure in figures(stored) for path in save(figure, folder, stem, formats)]
