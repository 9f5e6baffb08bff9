"""What was exported: the programs' files, and how far their codes and pictures are those of the tokenizer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from autoencoders.formats import Format, Part
from benchmarks.records.files import Frozen, read_this_version
from benchmarks.records.record import Environment
from storage.paths import StrPath

PROTOCOL = "export/1"
SCHEMA = 1

FILE = "export.json"
"""Beside the programs; written last, so that where it is they are whole."""


class Program(Frozen):
    """One file."""

    file: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    bytes: int


class Agreement(Frozen):
    """The programs beside the tokenizer, on the same signals."""

    signals: int
    """How many were compared."""
    signals_of_equal_codes: int | None
    """Of how many all codes are the tokenizer's; None where no encoder was exported, as in the next two."""
    codes: int | None
    equal_codes: int | None
    decoder_difference: float | None
    """Largest difference between the signals of equal codes, which lie in [-1, 1]; None without a decoder."""
    both_difference: float | None
    """The same of reconstructions, where no code is another; None without `both`."""


class Export(Frozen):
    """A tokenizer's programs in one format."""

    schema_version: int
    protocol: str
    name: str
    """Of the tokenizer: a run's id, what it is published under, or a quantizer's."""
    format: Format
    programs: dict[Part, Program]
    channels: int
    """Of a signal, (B, channels, *extent)."""
    strides: tuple[int, ...]
    extent: tuple[int, ...] | None
    """The only one that the programs take; None where it may be any multiple of the strides."""
    data: dict[str, Any]
    """What was compared."""
    agreement: Agreement
    software: dict[str, str]
    """By name, the version."""
    environment: Environment
    command: str
    created: datetime


def read_export(path: StrPath) -> Export:
    """Read and check one; RecordError as `read_this_version`."""
    return read_this_version(path, Export, "record of an export", PROTOCOL, SCHEMA)
