"""The file of a table's speeds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import numpy as np

from benchmarks.records.files import Frozen, find_records, read_each, read_this_version
from benchmarks.records.record import Environment
from storage.paths import StrPath

PROTOCOL = "throughput/1"
SCHEMA = 1

SPEEDS = (
    "train",
    "encode_images_per_second",
    "quantize_images_per_second",
    "decode_images_per_second",
    "peak_memory_megabytes",
)
"""Names of the columns that are measured here."""


class Row(Frozen):
    """One method's speeds: medians over the rounds, None where nothing can be measured."""

    quantizer: str
    rate: int
    rounds: list[dict[str, float | None]]

    def median(self, name: str) -> float:
        """Median over the rounds; not a number where nothing was measured."""
        values = [value for each in self.rounds if (value := each.get(name)) is not None]
        return float(np.median(values)) if values else np.nan


class Throughput(Frozen):
    """All methods of one table, timed together."""

    schema_version: int
    protocol: str
    settings: str
    """Digest of the settings that the table's runs share."""
    rows: list[Row]
    environment: Environment
    command: str
    created: datetime


def path_for(folder: StrPath, settings: str) -> Path:
    """Where a table's speeds belong."""
    folder = Path(folder)
    return folder / f"throughput-{settings}.json"


def read_throughput(path: StrPath) -> Throughput:
    """Read and check one; RecordError as `read_this_version`."""
    return read_this_version(path, Throughput, "file of speeds", PROTOCOL, SCHEMA)


def read_throughputs(paths: Iterable[StrPath], problems: list[str]) -> list[Throughput]:
    """The speeds stored in folders; a sentence for each file that had to be left out goes to `problems`."""
    files = find_records((path for path in map(Path, paths) if path.is_dir()), "throughput-*.json")
    return [found for _, found in read_each(files, read_throughput, problems)]


def remark(throughput: Throughput) -> str:
    """How the speeds of a table were measured."""
    place = throughput.environment
    where = place.device if place.device != "cpu" else f"{place.threads} threads of {place.processor}"
    return f"speeds and memory: all methods in one go, taking turns ({PROTOCOL}), on {where}"
