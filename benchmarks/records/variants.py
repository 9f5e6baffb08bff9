"""The file of an explanation: the numbers of one tokenizer under every variant, and how they were made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from benchmarks.records.files import Frozen, read_this_version
from benchmarks.records.record import Environment
from storage.paths import StrPath

PROTOCOL = "variants/1"
SCHEMA = 1

PREFIX = "variants-"
"""Of the file names."""


class Row(Frozen):
    """One variant."""

    name: str
    """With its version."""
    changes: dict[str, str]
    """Its choices that are not the default's."""
    source: str
    """Whose program chooses so: repository and files."""
    metrics: dict[str, float | None]
    missing: dict[str, str]


class Explanation(Frozen):
    """One tokenizer under every variant."""

    schema_version: int
    protocol: str
    """Of the variants and their table; the first row is of the protocol that it names."""
    evaluation: str
    """Id of the evaluation of the same tokenizer on the same pictures."""
    label: str
    """The tokenizer in words."""
    weights: str
    """Digest of its weights."""
    data: dict[str, Any]
    """The pictures, as the record of an evaluation has them."""
    rows: list[Row]
    environment: Environment
    command: str
    created: datetime
    wall_seconds: float

    @property
    def default(self) -> Row:
        """What the others are compared with."""
        return self.rows[0]


def read_explanation(path: StrPath) -> Explanation:
    """Read and check one; RecordError as `read_this_version`."""
    return read_this_version(path, Explanation, "file of variants", PROTOCOL, SCHEMA)
