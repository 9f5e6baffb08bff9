"""Stored source-coding runs: one JSON file each, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.records.record import Environment, QuantizerRecord
from storage.paths import StrPath
from storage.whole_files import replacing

SourceName = Literal["gaussian", "laplacian", "gauss-markov", "photographs"]

PROTOCOL = "source-coding/1"
SCHEMA = 1
"""Version of the record; raised when a field changes its name or its meaning."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceRecord(_Part):
    """A vector source: what its bound is, and a digest of its data where they are no random numbers."""

    name: SourceName
    block_length: int
    bound_name: str
    variance: float
    fingerprint: str | None


class TrainingRecord(_Part):
    """How the codec was trained, on one thread."""

    vectors: int
    steps: int
    batch_size: int
    seconds: float


class SourceRun(_Part):
    """One quantizer at one rate on one source, with one seed."""

    schema_version: int
    protocol: str
    id: str
    settings: str
    """Digest of all settings but quantizer, rate and seed: equal digests are comparable rows."""
    asked_bits: int | None
    """Bits per vector that were asked for; the true ones are `metrics["bits"]`."""
    seed: int
    quantizer: QuantizerRecord
    source: SourceRecord
    config: dict[str, Any]
    training: TrainingRecord
    metrics: dict[str, float]
    environment: Environment
    command: str
    created: datetime
    wall_seconds: float


class SourceRecordError(ValueError):
    """A file that is no source-coding run of this program; the message says why."""


def write_run(path: StrPath, run: SourceRun) -> None:
    """Store a run, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(run.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_run(path: StrPath) -> SourceRun:
    """Read and validate one file.

    Raises:
        SourceRecordError: it cannot be read, is no source-coding run or is of a later schema.
    """
    path = Path(path)
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SourceRecordError(f"{path}: not a readable JSON file ({error})") from error
    if not isinstance(raw, dict) or not str(raw.get("protocol", "")).startswith("source-coding/"):
        raise SourceRecordError(f"{path}: not a source-coding run (its protocol is not source-coding/…)")
    if isinstance(raw.get("schema_version"), int) and raw["schema_version"] > SCHEMA:
        raise SourceRecordError(f"{path}: written by a newer version of this program (schema {raw['schema_version']})")
    try:
        return SourceRun.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SourceRecordError(f"{path}: not a valid source-coding run: {where}: {first['msg']}") from error


def read_runs(paths: Iterable[StrPath]) -> tuple[list[SourceRun], list[str]]:
    """The runs in these files, and a sentence for each file that had to be left out."""
    runs, problems = [], []
    for path in paths:
        try:
            runs.append(read_run(path))
        except SourceRecordError as error:
            problems.append(str(error))
    return runs, problems
