"""Stored source-coding runs: one JSON file each, written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from benchmarks.records.files import Frozen, read_each, read_model
from benchmarks.records.record import Environment, QuantizerRecord
from storage.paths import StrPath

SourceName = Literal["gaussian", "laplacian", "gauss-markov", "photographs"]

PROTOCOL = "source-coding/1"
SCHEMA = 1
"""Version of the record; raised when a field changes its name or its meaning."""


class SourceRecord(Frozen):
    """A vector source: what its bound is, and a digest of its data where they are no random numbers."""

    name: SourceName
    block_length: int
    bound_name: str
    variance: float
    fingerprint: str | None


class TrainingRecord(Frozen):
    """How the codec was trained, on one thread."""

    vectors: int
    steps: int
    batch_size: int
    seconds: float


class SourceRun(Frozen):
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


def read_run(path: StrPath) -> SourceRun:
    """Read and check one; RecordError as `read_model`."""
    return read_model(path, SourceRun, "source-coding run", PROTOCOL, SCHEMA)


def read_runs(paths: Iterable[StrPath]) -> tuple[list[SourceRun], list[str]]:
    """The runs in these files, and a sentence for each file that had to be left out."""
    problems: list[str] = []
    return [run for _, run in read_each(paths, read_run, problems)], problems
