"""Stored canvases of the protocol `texture`, beside the run whose prior drew them: canvas-RUN-….json and .png."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from benchmarks.records.files import Frozen, RecordError, find_records, read_this_version
from benchmarks.records.record import Environment, Record, read_record
from storage.paths import StrPath

PROTOCOL = "texture/1"
SCHEMA = 1
CANVAS_PREFIX = "canvas-"


class CanvasRecord(Frozen):
    """A picture of any size drawn from a stored prior, beside its texture."""

    schema_version: int
    id: str
    protocol: str
    prior: str
    """The id of the prior."""
    run: str
    extent: tuple[int, int]
    """Height and width in pixels."""
    sampling: dict[str, Any]
    seed: int
    metrics: dict[str, float | None]
    environment: Environment
    command: str
    created: datetime
    wall_seconds: float


def read_canvas(path: StrPath) -> CanvasRecord:
    """Read and check the file of a canvas; RecordError as `read_this_version`."""
    return read_this_version(path, CanvasRecord, "file of a canvas", PROTOCOL, SCHEMA)


class Canvas(NamedTuple):
    """A stored canvas, and the run of its texture."""

    record: CanvasRecord
    run: Record


def read_canvases(paths: Iterable[StrPath], problems: list[str]) -> list[Canvas]:
    """Those in files and folders; a sentence for each that had to be left out goes to `problems`."""
    found: dict[str, Canvas] = {}
    for path in find_records(paths, f"{CANVAS_PREFIX}*.json"):
        try:
            canvas = read_canvas(path)
            found.setdefault(canvas.id, Canvas(canvas, read_record(path.with_name(f"{canvas.run}.json"))))
        except RecordError as error:
            problems.append(str(error))
    return list(found.values())
