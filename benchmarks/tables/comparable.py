"""What of stored runs may be compared, and as which row of which table.

Runs are compared only within a group of equal protocol, preset, data and settings, and called better or worse only at
an equal rate.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from benchmarks.records import baselines
from benchmarks.records.record import DEFAULT_BACKBONE, ELSEWHERE, Record, items
from benchmarks.records.values import digest

CODECS = (baselines.OPUS, baselines.MP3, baselines.H264, baselines.HEVC, baselines.AV1)
"""In daily use."""

FRAME = (baselines.BLOCK_MEAN, baselines.PCA, *CODECS, "none")
"""Rows that frame those of every rate: what no quantizer may fall below, what no network without one, codecs in daily
use at rates of their own, and what none can exceed."""

BASELINES = (*FRAME, baselines.KMEANS, baselines.MDCT_KMEANS)
"""Rows that compete with none: the frame, and at each rate what a quantizer and its network must beat."""


def group_title(record: Record) -> str:
    """What all rows of a record's table share."""
    part = record.data.get("part")  # where it is not the one that is measured unless somebody says otherwise
    name = record.data["name"] if part is None else f"{record.data['name']} ({part})"
    if record.preset == ELSEWHERE:
        return f"{name}, {_measured_on(record)} · trained elsewhere · protocol {record.protocol}"
    trained_on = record.data.get("trained_on")
    if trained_on is None:
        place = name
    else:
        size = f" at {_picture_size(record)}" if "image_size" in trained_on else ""
        place = f"{name}{size}, trained on {trained_on['name']}"
    changed = "".join(f", {name}={value}" for name, value in sorted(record.changes.items()))
    return (
        f"{place} · preset {record.preset}{changed} · {record.training_images:,} training {record.crops} · "
        f"protocol {record.protocol}"
    )


def _measured_on(record: Record) -> str:
    count, data = items(record.data["test"]), record.data
    if record.signal == "sounds":
        return f"{count:,} sounds at {data['sample_rate'] / 1000:g} kHz"
    if record.signal == "films":
        return f"{count:,} clips of {data['clip_frames']} frames of {data['frame_size']} px"
    return f"{count:,} pictures of {_picture_size(record)}"


def _picture_size(record: Record) -> str:
    size: str = record.data.get("sizes", f"{record.data['image_size']} px")
    return size


def label(record: Record) -> str:
    """The quantizer's name, with the options that it was given."""
    return record.quantizer.label


def asked_bits(record: Record) -> int:
    """The rate at which rows compete; 0 for the frame, and for what has none or is pictures alone.

    It is that which the run was asked for in bits per position (FSQ's 10 bits are 9.97). Tokenizers that were trained
    elsewhere have grids of any size: theirs are the bits of a picture, or of a second of sound or film.
    """
    if record.quantizer.name in FRAME or "reconstructions" in record.data:
        return 0
    if record.preset == ELSEWHERE:
        return round(_bits_per_unit(record))
    asked = record.config.get("bits")
    return round(record.quantizer.bits_per_position or 0) if asked is None else asked


def backbone(record: Record) -> str:
    """The network that a run trained; empty where there is none."""
    if record.quantizer.name in baselines.NAMES or "settings" not in record.config:
        return ""
    return str(record.config["settings"].get("backbone", DEFAULT_BACKBONE))


class Row(NamedTuple):
    """What tells the rows of the tables apart, and which of them compete."""

    group: str
    """The title of the table."""
    settings: str
    """A digest of what the rows of a table share."""
    label: str
    rate: int
    """Rows compete at an equal one."""


def within_settings(record: Record) -> Row:
    """Quantizers in one backbone: everything else is equal."""
    return Row(group_title(record), record.settings, label(record), asked_bits(record))


def across_backbones(record: Record) -> Row:
    """Quantizers and backbones: data, training and loss are equal, the network and the rate that its preset has for it
    are not, and rows compete at an equal number of bits per picture, those of all code maps, or per second of sound or
    film."""
    if record.preset == ELSEWHERE:
        return within_settings(record)
    settings = record.config["settings"]
    plain = {name: value for name, value in record.changes.items() if name.split(".")[0] not in ("backbone", "model")}
    shared = {name: value for name, value in settings.items() if name not in ("backbone", "model")}
    shared["train"] = {name: value for name, value in settings["train"].items() if name != "learning_rate"}
    shared |= {"data": record.data["fingerprint"], "learning_rate": plain.get("train.learning_rate")}
    title = group_title(record.model_copy(update={"changes": plain}))
    unit = "picture" if record.of_pictures else "second"
    bits = _bits_per_unit(record)
    if record.quantizer.name != baselines.KMEANS:  # whose one map has the bits of all those of the network
        bits *= asked_bits(record) / (record.quantizer.bits_per_position or 1)
    network = backbone(record)
    name = f"{network} · {label(record)}" if network else label(record)
    if record.quantizer.name == baselines.PCA:
        name += f", {record.quantizer.dim} channels"  # those of `none`, all code maps together
    return Row(f"{title} · rates in bits per {unit}", digest(shared, record.protocol), name, round(bits))


def _bits_per_unit(record: Record) -> float:
    """Of a picture, or of a second of sound or film."""
    if record.of_pictures:
        pixels = math.prod(record.data.get("extent", (record.data["image_size"],) * 2))
        return float((record.metrics.get("bpp") or 0) * pixels)
    return 1000 * (record.metrics.get("kbps") or 0)


def across_settings(record: Record) -> Row:
    """All settings of a preset on the same pictures: a row for each quantizer and what was changed for it; baselines,
    which most changes leave alone, once."""
    if record.preset == ELSEWHERE:
        return within_settings(record)
    changed = "".join(f" {name}={value}" for name, value in sorted(record.changes.items()))
    place = f"{record.data['name']} · preset {record.preset} and what was changed of it · protocol {record.protocol}"
    size = {"pictures": "image_size", "sounds": "sample_rate", "films": "frame_size"}[record.signal]
    shared = digest(record.data["fingerprint"], record.data[size], record.protocol)
    name = label(record) if record.quantizer.name in baselines.NAMES else f"{label(record)}{changed}"
    return Row(place, shared, name, asked_bits(record))
