"""Quality over the length of the training, and whether a short one tells what a long one will say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from benchmarks.plots.quality import draw_label
from benchmarks.plots.style import GRID, draw_legend, handles, style
from benchmarks.records import baselines
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import Record, StoredRuns
from benchmarks.records.resampling import RESAMPLED, resampled_metrics
from benchmarks.records.statistics import Correlation, rank_correlation
from benchmarks.records.values import digest
from benchmarks.tables import comparable
from benchmarks.tables.columns import BY_NAME

FEWEST = 3
"""Quantizers that have an order."""


@dataclass(frozen=True)
class Scales:
    """Runs that differ in quantizer, seed and the number of training images alone.

    Attributes:
        title: what they share.
        stem: what the names of their pictures begin with.
        runs: training images, rising -> quantizer -> its runs.
        baselines: what is not trained -> its PSNR.
    """

    title: str
    stem: str
    runs: Mapping[int, Mapping[str, StoredRuns]]
    baselines: Mapping[str, float]

    def correlation(self, images: int) -> Correlation | None:
        """Of the order of the quantizers that both lengths have, at the shortest and at this one; None where they are
        fewer than three. `none` is no quantizer."""
        shortest = self.runs[min(self.runs)]
        shared = [name for name in shortest if name in self.runs[images] and name not in comparable.BASELINES]
        if len(shared) < FEWEST:
            return None
        return rank_correlation(*([_resampled(of[name]) for name in shared] for of in (shortest, self.runs[images])))


def scales(stored: StoredRuns) -> list[Scales]:
    """The runs on pictures of several lengths, by rate and by all that they share otherwise."""
    groups: dict[str, list[tuple[Path, Record]]] = defaultdict(list)
    for path, record in stored:
        if record.is_run and record.of_pictures:
            groups[_shared(record)].append((path, record))
    found = []
    for runs in groups.values():
        for rate in sorted({comparable.asked_bits(record) for _, record in runs} - {0}):
            of_rate = [run for run in runs if comparable.asked_bits(run[1]) in (0, rate)]
            if len({record.training_images for _, record in of_rate}) > 1:
                found.append(_scales(of_rate, rate))
    return found


def _shared(record: Record) -> str:
    """A digest of all but quantizer, seed and length."""
    settings = record.config.get("settings", {})
    others = {**settings, "train": {**settings.get("train", {}), "images": None}}
    others["data"] = {**settings.get("data", {}), "source": record.data["fingerprint"]}
    return digest(record.preset, others, record.protocol)


def _scales(stored: StoredRuns, rate: int) -> Scales:
    runs: dict[int, dict[str, list[tuple[Path, Record]]]] = defaultdict(lambda: defaultdict(list))
    levels: dict[str, float] = {}
    for path, record in stored:
        psnr = record.metrics.get("psnr")
        if record.quantizer.name not in baselines.NAMES:
            runs[record.training_images][comparable.label(record)].append((path, record))
        elif psnr is not None:
            levels[record.quantizer.name] = psnr
    first = stored[0][1]
    changes = {name: value for name, value in first.changes.items() if name != "train.images"}
    changed = "".join(f", {name}={value}" for name, value in sorted(changes.items()))
    title = f"{rate} bits · {first.data['name']} · preset {first.preset}{changed} · protocol {first.protocol}"
    stem = f"{first.preset}-{first.data['name']}-{rate}bit" + (f"-{_shared(first)}" if changes else "")
    return Scales(title, stem, {images: runs[images] for images in sorted(runs)}, levels)


def _resampled(runs: StoredRuns) -> Float[np.ndarray, "s r"]:
    """The PSNR of each seed on each resample of the pictures."""
    return np.stack([resampled_metrics(read_arrays(path, RESAMPLED))["psnr"] for path, _ in runs])


def quality_over_length(scales: Scales) -> Figure:
    """Means over seeds with their standard deviation, over training images; above each length how far its order of the
    quantizers agrees with that of the shortest."""
    column = BY_NAME["psnr"]
    figure = Figure(figsize=(9.5, 5.2), layout="constrained")
    panel = figure.subplots()
    labels = list(dict.fromkeys(name for rows in scales.runs.values() for name in rows))
    for label in labels:
        lengths = [images for images, rows in scales.runs.items() if label in rows]
        values = [[column.value(record) or np.nan for _, record in scales.runs[images][label]] for images in lengths]
        means = np.array([np.mean(each) for each in values])
        spreads = np.array([np.std(each, ddof=1) if len(each) > 1 else 0 for each in values])
        panel.errorbar(lengths, means, spreads, capsize=2, markersize=5, linewidth=1, **style(label))
    for name, level in scales.baselines.items():
        panel.axhline(level, color=style(name)["color"], linestyle=style(name)["linestyle"], linewidth=1, zorder=1.8)
    lengths = list(scales.runs)
    panel.set_xscale("log")
    panel.set_xticks(lengths, [f"{images:,}" for images in lengths])
    panel.minorticks_off()
    panel.set_xlabel("training images")
    draw_label(panel, column)
    panel.grid(**GRID)
    top = panel.secondary_xaxis("top")
    said = [scales.correlation(images) for images in lengths[1:]]
    top.set_xticks(lengths, ["rank correlation\nwith this", *("" if each is None else str(each) for each in said)])
    top.tick_params(length=0, labelsize=8)
    top.minorticks_off()
    draw_legend(figure, [*handles(labels), *handles(scales.baselines, marker="none")])
    return figure
