"""Stored measurements of the protocol `stability`: one JSON file for each tokenizer on each set of pictures."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.records.files import Frozen, find_records, read_each, read_this_version
from benchmarks.records.record import Environment, QuantizerRecord
from benchmarks.records.values import digest
from storage.paths import StrPath

PROTOCOL = "stability/1"
SCHEMA = 1

FOLDER = "stability"
"""Below the folder of results."""


class Change(Frozen):
    """One change of the protocol."""

    name: str
    changed: float
    """Share of the codes, in [0, 1]."""
    psnr_lost: float
    """In dB, mean over the pictures."""


class Replaced(Frozen):
    """Codes that were replaced by others at random."""

    share: float
    psnr: float
    """In dB, mean over the pictures."""


class Stability(Frozen):
    """One tokenizer's codes under all changes."""

    schema_version: int
    protocol: str
    tokenizer: str
    """A run's id, or what it is published under."""
    preset: str
    """Of the run; "elsewhere" for a published one."""
    quantizer: QuantizerRecord
    backbone: str
    """The class of its networks."""
    data: dict[str, Any]
    """The pictures, as the record of an evaluation has them."""
    batch_size: int
    psnr: float
    """In dB, of the codes that the changes are held against."""
    changes: list[Change]
    replaced: list[Replaced]
    invariant_price: float
    """Time of invariant encoding over that of plain encoding, for a batch."""
    missing: dict[str, str]
    """Change -> why it could not be measured, and how to get it."""
    environment: Environment
    command: str
    created: datetime
    wall_seconds: float


def path_for(folder: StrPath, tokenizer: str, fingerprint: str, batch_size: int) -> Path:
    """Where a tokenizer's measurement on pictures of that fingerprint belongs, below a folder of results."""
    return Path(folder) / FOLDER / f"{tokenizer}-{digest(PROTOCOL, fingerprint, batch_size)}.json"


def read_stability(path: StrPath) -> Stability:
    """Read and check one; RecordError as `read_this_version`."""
    return read_this_version(path, Stability, "measurement of stability", PROTOCOL, SCHEMA)


def read_stabilities(folder: StrPath) -> tuple[list[Stability], list[str]]:
    """Those stored in a folder of results, and a sentence for each file that had to be left out."""
    problems: list[str] = []
    files = find_records([Path(folder) / FOLDER])
    return [found for _, found in read_each(files, read_stability, problems)], problems
