"""The columns of comparison tables: what a record holds of each, and what is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from benchmarks.records.record import Record


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: what flags call it.
        heading: what stands above it.
        value: a record's number, None where it has none.
        style: how a number is written.
        metric: the metric of the protocol that it shows, whose resamples of the pictures are stored; None for what does
            not depend on the test pictures.
        scale: what the metric is multiplied by.
        better: "high" or "low", where one of two rows can be called better by it.
        has_interval: it differs between seeds, and they say how much.
    """

    name: str
    heading: str
    value: Callable[[Record], float | None]
    style: str
    metric: str | None = None
    scale: float = 1.0
    better: str | None = None
    has_interval: bool = True

    def format(self, mean: float, half_width: float) -> str:
        """A mean over seeds, and ± half of its 95 % interval where that is known."""
        if pd.isna(mean):
            return "–"
        text = self.style.format(mean)
        known = self.has_interval and not pd.isna(half_width)
        return f"{text} ± {self.style.format(half_width)}" if known else text


def _metric(name: str, heading: str, style: str, better: str | None = None, scale: float = 1.0) -> Column:
    def value(record: Record) -> float | None:
        measured = record.metrics.get(name)
        return None if measured is None else scale * measured

    return Column(name, heading, value, style, metric=name, scale=scale, better=better)


def _speed(name: str, heading: str, style: str) -> Column:
    return Column(name, heading, lambda record: record.speed.get(name), style, has_interval=False)


def _parameters(record: Record) -> float | None:
    return record.parameters["total"] / 1e6 if record.parameters else None


def _generated(
    name: str, heading: str, style: str, better: str | None = None, *, metric: bool = False, has_interval: bool = True
) -> Column:
    """Of a prior on the run's codes: `generated.with_generations` fills it in."""
    by_pictures = name if metric else None
    return Column(name, heading, lambda record: None, style, by_pictures, 1.0, better, has_interval)


GENERATION: tuple[Column, ...] = (
    _generated("nll_bits", "modelled bits", "{:.1f}", metric=True),
    _generated("nll_bpp", "modelled bpp", "{:.4f}", metric=True),
    _generated("nll_kbps", "modelled kbit/s", "{:.3f}", metric=True),
    _generated("nll_gap", "test − train bits", "{:.1f}"),
    _generated("gfid", "gFID ↓", "{:.2f}", "low"),
    _generated("precision", "precision ↑", "{:.3f}", "high"),
    _generated("recall", "recall ↑", "{:.3f}", "high"),
    _generated("inception_score", "IS ↑", "{:.2f}", "high"),
    _generated("generated_swd", "generated SWD ↓", "{:.1f}", "low"),
    _generated("generated_images_per_second", "sampled img/s", "{:.1f}", has_interval=False),
    _generated("first_image_seconds", "first image s", "{:.3f}", has_interval=False),
    _generated("generated_realtime", "sampled × real time", "{:.1f}", has_interval=False),
    _generated("first_sound_seconds", "first sound s", "{:.3f}", has_interval=False),
    _generated("generated_frames_per_second", "sampled frames/s", "{:.1f}", has_interval=False),
    _generated("first_film_seconds", "first film s", "{:.3f}", has_interval=False),
    _generated("prior_parameters", "prior params M", "{:.2f}", has_interval=False),
)


def _trained(record: Record) -> float | None:
    return record.training.images_per_second if record.of_pictures else None


SPEED: tuple[Column, ...] = (
    Column("train", "train img/s", _trained, "{:.0f}", has_interval=False),
    _speed("encode_images_per_second", "encode img/s", "{:.0f}"),
    _speed("quantize_images_per_second", "quantize img/s", "{:.0f}"),
    _speed("decode_images_per_second", "decode img/s", "{:.0f}"),
    _speed("peak_memory_megabytes", "peak MB", "{:.0f}"),
)


def _realtime(record: Record) -> float | None:
    """Seconds of sound that a second of training shows."""
    data, speed = record.config.get("settings", {}).get("data", {}), record.training.images_per_second
    if speed is None or "crop_samples" not in data:
        return None
    return float(speed * data["crop_samples"] / data["sample_rate"])


SOUND: tuple[Column, ...] = (
    _metric("si_sdr", "SI-SDR ↑", "{:.2f}", "high"),
    _metric("stoi", "STOI ↑", "{:.3f}", "high"),
    _metric("pesq", "PESQ ↑", "{:.2f}", "high"),
    _metric("visqol", "ViSQOL ↑", "{:.2f}", "high"),
    _metric("mel_distance", "mel ↓", "{:.3f}", "low"),
    _metric("stft_distance", "STFT ↓", "{:.3f}", "low"),
    Column("kbps", "kbit/s", lambda record: record.metrics.get("kbps"), "{:.2f}", has_interval=False),
    _metric("kbps_entropy", "kbit/s (entropy)", "{:.2f}"),
    _metric("kbps_modelled", "kbit/s (modelled)", "{:.2f}"),
    _metric("kbps_file", "kbit/s (file)", "{:.2f}"),
    Column("codes_per_second", "codes/s", lambda record: record.metrics.get("codes_per_second"), "{:.0f}"),
    Column("train_realtime", "train × real time", _realtime, "{:.0f}", has_interval=False),
    _speed("encode_realtime", "encode × real time", "{:.1f}"),
    _speed("decode_realtime", "decode × real time", "{:.1f}"),
    _speed("latency_ms", "latency ms", "{:.1f}"),
)
"""Of sounds alone; bitrates of films, too."""


def _frames_per_second(record: Record) -> float | None:
    """Frames of clips that a second of training shows."""
    data, speed = record.config.get("settings", {}).get("data", {}), record.training.images_per_second
    return None if speed is None or "clip_frames" not in data else float(speed * data["clip_frames"])


FILM: tuple[Column, ...] = (
    _metric("psnr_clip", "clip PSNR ↑", "{:.2f}", "high"),
    _metric("flicker", "flicker ↓", "{:.2f}", "low"),
    _metric("rfvd", "rFVD ↓", "{:.1f}", "low"),
    _metric("bpp_modelled", "bpp (modelled)", "{:.3f}"),
    Column("train_frames", "train frames/s", _frames_per_second, "{:.0f}", has_interval=False),
    _speed("encode_frames_per_second", "encode frames/s", "{:.0f}"),
    _speed("decode_frames_per_second", "decode frames/s", "{:.0f}"),
)
"""Of films alone."""

COLUMNS: tuple[Column, ...] = (
    Column("bits", "bits", lambda record: record.quantizer.bits_per_position, "{:.4g}", has_interval=False),
    _metric("psnr", "PSNR ↑", "{:.2f}", "high"),
    _metric("ssim", "SSIM ↑", "{:.3f}", "high"),
    _metric("ms_ssim", "MS-SSIM ↑", "{:.3f}", "high"),
    _metric("lpips", "LPIPS ↓", "{:.3f}", "low"),
    _metric("rfid", "rFID ↓", "{:.2f}", "low"),
    _metric("swd", "SWD ↓", "{:.1f}", "low"),
    *FILM[:3],
    *SOUND[:11],
    _metric("usage", "usage %", "{:.1f}", "high", scale=100),
    _metric("perplexity", "perplexity", "{:.0f}", "high"),
    _metric("effective_rank", "eff. rank", "{:.1f}"),
    Column("bpp", "bpp", lambda record: record.metrics.get("bpp"), "{:.3f}", has_interval=False),
    _metric("bpp_entropy", "bpp (entropy)", "{:.3f}"),
    *FILM[3:],
    *SOUND[11:],
    *SPEED,
    Column("parameters", "params M", _parameters, "{:.2f}", has_interval=False),
    *GENERATION,
)


def columns_of(frame: pd.DataFrame) -> list[Column]:
    """Those of a table of runs, or of its summary: of sounds or films alone only where it has some."""
    return [
        column
        for column in COLUMNS
        if column not in (*SOUND, *FILM) or (column.heading in frame and frame[column.heading].notna().any())
    ]


BY_NAME = {column.name: column for column in COLUMNS}
