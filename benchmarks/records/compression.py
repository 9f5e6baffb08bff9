"""Stored measurements of the protocol `compression`: one JSON file for each way of coding, beside a file of arrays.

NAME.json    the record below
NAME.npz     POINT/METRIC: a number for each picture, sound or film; of a tokenizer of pictures also `samples/…`, uint8
             (pictures, H, W, 3)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.records.arrays import write_arrays
from benchmarks.records.files import Frozen, find_records, read_each, read_this_version, write_model
from benchmarks.records.record import Environment, QuantizerRecord, SignalName
from storage.paths import StrPath

PROTOCOL = "compression/1"
SCHEMA = 1
"""Version of the record; raised when a field changes its name or its meaning."""

PictureCodecName = Literal["jpeg", "webp", "avif", "jpeg-xl"]
SoundCodecName = Literal["opus", "mp3"]
FilmCodecName = Literal["h264", "hevc", "av1"]
CodecName = PictureCodecName | SoundCodecName | FilmCodecName

FOLDER = "compression"
"""Below the folder of results."""


class CodecCoder(Frozen):
    """A codec that people use."""

    name: CodecName
    heading: str
    settings: dict[str, int | str | bool]
    """Beside the quality or the bitrate, which varies."""
    software: dict[str, str]
    """By name, the version."""


class TokenizerCoder(Frozen):
    """A stored run's tokenizer, its codes entropy-coded under a model of them."""

    run: str
    """The id of the run."""
    label: str
    """Quantizer, rate and preset in words."""
    preset: str | None = None
    """Of the run; None in records from before it was kept."""
    quantizer: QuantizerRecord
    model: str
    """Of the codes: fixed-length, histogram, or a prior's kind."""
    model_label: str
    """The same with the settings of a prior."""
    fingerprint: str
    """Of the tokenizer."""
    digest: str
    """Of the model of codes."""


class Point(Frozen):
    """One rate: means over the pictures, sounds or films, each counting the same."""

    name: str
    """In words: what arrays are kept under."""
    setting: dict[str, int]
    """What sets the rate: `quality` of a codec of pictures, `kbps` of one of sounds, `crf` of one of films, `codes` per
    position of a tokenizer that can leave the last out."""
    metrics: dict[str, float | None]


class Sample(Frozen):
    """A picture of which a crop is kept as each codec gives it, at the size of the tokenizer's file."""

    picture: str
    box: tuple[int, int, int, int]
    """Left, top, right, bottom in pixels."""
    budget: int
    """Bytes of the tokenizer's file of the whole picture."""
    bytes: dict[str, int]
    """Of each codec's file at the highest quality that is not above it, or at its lowest."""
    quality: dict[str, int]


class Compression(Frozen):
    """One way of turning signals into files, at each rate that it was measured at."""

    schema_version: int
    protocol: str
    id: str
    signal: SignalName = "pictures"
    """What is coded; in records from before there were others, pictures."""
    coder: CodecCoder | TokenizerCoder
    points: tuple[Point, ...]
    """From the lowest setting; those that a stopped command came to."""
    missing: dict[str, str]
    """Metric -> why it could not be computed, and how to get it, or for how many sounds."""
    data: dict[str, Any]
    samples: tuple[Sample, ...]
    environment: Environment
    command: str
    created: datetime
    wall_seconds: float

    @property
    def heading(self) -> str:
        """What tables and pictures call it."""
        return self.coder.heading if isinstance(self.coder, CodecCoder) else f"{self.coder.label}, {self.coder.model}"

    def point(self, name: str) -> Point | None:
        """The point of that name, where it is measured."""
        return next((point for point in self.points if point.name == name), None)


StoredCompressions = Sequence[tuple[Path, Compression]]
"""Records and where they are stored."""


def write_compression(path: StrPath, record: Compression, arrays: Mapping[str, np.ndarray]) -> None:
    """Store a measurement: its arrays first, so that all points of a record have theirs."""
    write_arrays(path, arrays)
    write_model(path, record)


def read_compression(path: StrPath) -> Compression:
    """Read and check one; RecordError as `read_this_version`."""
    return read_this_version(path, Compression, "measurement of compression", PROTOCOL, SCHEMA)


def read_compressions(folder: StrPath) -> tuple[list[tuple[Path, Compression]], list[str]]:
    """Those stored below a folder, and a sentence for each file that had to be left out."""
    problems: list[str] = []
    return list(read_each(find_records([folder]), read_compression, problems)), problems
