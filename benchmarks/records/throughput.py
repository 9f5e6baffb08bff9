"""The file of a table's speeds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.records.record import Environment
from storage.paths import StrPath
from storage.whole_files import replacing

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


class Row(BaseModel):
    """One method's speeds: medians over the rounds, None where nothing can be measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quantizer: str
    rate: int
    rounds: list[dict[str, float | None]]

    def median(self, name: str) -> float:
        """Median over the rounds; not a number where nothing was measured."""
        values = [value for each in self.rounds if (value := each.get(name)) is not None]
        return float(np.median(values)) if values else np.nan


class Throughput(BaseModel):
    """All methods of one table, timed together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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


def write_throughput(path: StrPath, throughput: Throughput) -> None:
    """Store a table's speeds, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(throughput.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_throughputs(paths: Iterable[StrPath], problems: list[str]) -> list[Throughput]:
    """The speeds stored in folders; a sentence for each file that had to be left out goes to `problems`."""
    found = []
    for folder in map(Path, paths):
        for path in sorted(folder.rglob("throughput-*.json")) if folder.is_dir() else []:
            try:
                throughput = Throughput.model_validate_json(path.read_bytes())
            except (OSError, ValidationError) as error:
                problems.append(f"{path}: not a valid throughput file ({str(error).splitlines()[0]})")
                continue
            if throughput.protocol == PROTOCOL:
                found.append(throughput)
            else:
                problems.append(f"{path}: of {throughput.protocol}, and this version reads {PROTOCOL}")
    return found


def remark(throughput: Throughput) -> str:
    """How the speeds of a table were measured."""
    place = throughput.environment
    where = place.device if place.device != "cpu" else f"{place.threads} threads of {place.processor}"
    return f"speeds and memory: all methods in one go, taking turns ({PROTOCOL}), on {where}"
