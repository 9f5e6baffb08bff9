"""Stored runs: one JSON file each, validated on reading, beside a compressed file of its arrays.

RUN.json         the record below
RUN.npz          metrics of each item, code counts, training curves, sample pictures
RUN.png          originals over reconstructions
RUN.webp         of films, one of them as it moves
RUN.safetensors  the trained tokenizer (its weight-averaged copy)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from pydantic import ValidationError

from benchmarks.records.arrays import write_arrays
from benchmarks.records.files import Frozen, RecordError, find_records, write_model
from storage.paths import StrPath

if TYPE_CHECKING:
    from quantizers import Quantizer

SCHEMA = 1
"""Version of the record; raised when a field changes its name or its meaning."""


SignalName = Literal["pictures", "sounds", "films"]
"""What a run is of; its data say it."""

OTHER_PROTOCOLS = (
    "source-coding",
    "speed",
    "throughput",
    "variants",
    "generation",
    "compression",
    "export",
    "stability",
    "texture",
)
"""Of this project's other harnesses, whose records may lie beside these."""


ELSEWHERE = "elsewhere"
"""Stands for the preset of what was not trained by this program: published tokenizers, and pictures alone."""


DEFAULT_BACKBONE: Final = "vqgan"
"""Of all runs that do not say which they have."""


class QuantizerRecord(Frozen):
    """What was measured: the quantizer's name, its options, and the rate that it truly has.

    Of a published tokenizer the name is the tokenizer's, and the numbers are of its first map of codes. Of pictures
    alone no more is known than a name.
    """

    name: str
    options: dict[str, Any]
    dim: int | None
    codebook_size: int | None
    codes_per_position: int | None
    bits_per_position: float | None

    @property
    def label(self) -> str:
        """The name, with the options that were given."""
        options = " ".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.name} {options}".strip()

    @classmethod
    def of(cls, name: str, options: Mapping[str, Any], quantizer: Quantizer) -> QuantizerRecord:
        """What a quantizer says of itself, under a name."""
        return cls(
            name=name,
            options=dict(options),
            dim=quantizer.dim,
            codebook_size=quantizer.codebook_size,
            codes_per_position=quantizer.codes_per_position,
            bits_per_position=quantizer.bits_per_position,
        )

    @classmethod
    def without_codes(cls, name: str, options: Mapping[str, Any]) -> QuantizerRecord:
        """Of what has none, or none that are known: pictures alone, a codec's file."""
        nothing = dict.fromkeys(("dim", "codebook_size", "codes_per_position", "bits_per_position"))
        return cls(name=name, options=dict(options), **nothing)


class TrainingRecord(Frozen):
    """How the tokenizer was trained, a baseline fitted in no step; speeds are images (crops of sounds, clips of
    films) per second over all processes."""

    images: int
    steps: int
    processes: int
    seconds: float
    images_per_second: float | None
    data_images_per_second: float | None
    """What the data loader alone delivers: a loader that starves the training shows here."""
    losses: dict[str, float]
    """Means over the last logged interval, by term."""


class Environment(Frozen):
    """Where a run was made."""

    python: str
    torch: str
    project: str
    commit: str | None
    platform: str
    processor: str
    device: str
    threads: int


class Record(Frozen):
    """One run: a tokenizer trained with one quantizer and one seed, and what was measured of it."""

    schema_version: int
    id: str
    protocol: str
    preset: str
    settings: str
    """Digest of all settings but quantizer and seed, data included: equal digests are comparable rows."""
    changes: dict[str, Any]
    """Settings that differ from the preset's own."""
    seed: int
    quantizer: QuantizerRecord
    config: dict[str, Any]
    data: dict[str, Any]
    metrics: dict[str, float | None]
    missing: dict[str, str]
    """Metric -> why it could not be computed, and how to get it."""
    notes: dict[str, str]
    """Metric or loss -> what to know before reading its number."""
    speed: dict[str, float | None]
    parameters: dict[str, int]
    training: TrainingRecord
    environment: Environment
    command: str
    training_images: int
    """Training images of every tokenizer under these settings; a baseline is fitted on some of them, or none."""
    created: datetime
    wall_seconds: float

    @property
    def is_run(self) -> bool:
        """Whether it is a training with its own test, and not an evaluation of something that was there before."""
        return "trained_on" not in self.data and self.preset != ELSEWHERE

    @property
    def signal(self) -> SignalName:
        """What it is of, by what its data have."""
        if "sample_rate" in self.data:
            return "sounds"
        return "films" if "frames_per_second" in self.data else "pictures"

    @property
    def of_pictures(self) -> bool:
        """Whether it is of pictures."""
        return self.signal == "pictures"

    @property
    def crops(self) -> str:
        """What its training shows, in words."""
        return {"pictures": "images", "sounds": "crops of sounds", "films": "clips of films"}[self.signal]

    @property
    def trained_content(self) -> str | None:
        """Digest of the training data's content; None where it is not known, as of runs of earlier versions."""
        return trained_content(self.data)


def trained_content(data: Mapping[str, Any]) -> str | None:
    """The same of what a record says of its data."""
    content: str | None = data.get("trained_on", data.get("train", {})).get("content")
    return content


def items(part: Mapping[str, Any]) -> int:
    """How many pictures, sounds or films a part of a record's data has, "train" or "test"; of films to test on the
    clips."""
    count: int = next(part[name] for name in ("pictures", "sounds", "clips", "films") if name in part)
    return count


def same_content(one: str | None, other: str | None) -> bool:
    """Whether two digests are of the same pictures or weights, as far as is known: earlier versions stored none."""
    return one is None or other is None or one == other


StoredRuns = Sequence[tuple[Path, Record]]
"""Records and where they are stored: their arrays lie beside them."""


class OtherProtocolError(RecordError):
    """A record of another harness of this project."""


def write_record(path: StrPath, record: Record, arrays: Mapping[str, np.ndarray]) -> None:
    """Store a run: its arrays first, so that a JSON file that exists is a run that is complete."""
    write_arrays(path, arrays)
    write_model(path, record)


def read_record(path: StrPath) -> Record:
    """Read and validate one record.

    Raises:
        OtherProtocolError: another harness of this project stored it.
        RecordError: the file cannot be read, is no JSON, is of a later schema or lacks something.
    """
    path = Path(path)
    try:
        text = path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path}: not a readable file ({error.strerror})") from error
    try:
        record = Record.model_validate_json(text)
    except ValidationError as error:
        raise _problem(path, text, error) from error
    if record.schema_version > SCHEMA:
        raise _newer(path, record.schema_version)
    return record


def _newer(path: Path, version: int) -> RecordError:
    return RecordError(
        f"{path}: written by a newer version of this program (schema {version}, this one reads up to {SCHEMA})"
    )


def _problem(path: Path, text: bytes, error: ValidationError) -> RecordError:
    """What is wrong with a file that is no record, the plainest reason first."""
    try:
        raw = json.loads(text)
    except ValueError as unreadable:
        return RecordError(f"{path}: not a readable JSON file ({unreadable})")
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if not isinstance(version, int):
        return RecordError(f"{path}: not a stored run (it has no schema_version)")
    if str(raw.get("protocol")).partition("/")[0] in OTHER_PROTOCOLS:
        return OtherProtocolError(f"{path}: a run of protocol {raw['protocol']}, which has tables of its own")
    if version > SCHEMA:
        return _newer(path, version)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return RecordError(f"{path}: not a valid run: {where}: {first['msg']}")


def iterate_records(paths: Iterable[StrPath], problems: list[str]) -> Iterator[tuple[Path, Record]]:
    """The records in `paths`, one at a time; a sentence for each file that had to be left out goes to `problems`.

    Records of other harnesses are passed over: they may lie in the same folder.
    """
    for path in find_records(paths):
        try:
            yield path, read_record(path)
        except OtherProtocolError:
            continue
        except RecordError as error:
            problems.append(str(error))


def read_records(paths: Iterable[StrPath]) -> tuple[list[tuple[Path, Record]], list[str]]:
    """All records in `paths`, and a sentence for each file that had to be left out."""
    problems: list[str] = []
    return list(iterate_records(paths, problems)), problems
