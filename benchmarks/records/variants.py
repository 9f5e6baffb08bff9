"""The file of an explanation: the numbers of one tokenizer under every variant, and how they were made."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.records.record import Environment, RecordError
from storage.paths import StrPath
from storage.whole_files import replacing

PROTOCOL = "variants/1"
SCHEMA = 1

PREFIX = "variants-"
"""Of the file names."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Row(_Part):
    """One variant."""

    name: str
    """With its version."""
    changes: dict[str, str]
    """Its choices that are not the default's."""
    source: str
    """Whose program chooses so: repository and files."""
    metrics: dict[str, float | None]
    missing: dict[str, str]


class Explanation(_Part):
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


def write_explanation(path: StrPath, explanation: Explanation) -> None:
    """Store it, whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(explanation.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_explanation(path: StrPath) -> Explanation:
    """Read and validate one.

    Raises:
        RecordError: the file cannot be read, is no explanation, or is of another version.
    """
    path = Path(path)
    try:
        explanation = Explanation.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{path}: not a readable file ({error.strerror})") from error
    except ValidationError as error:
        raise RecordError(f"{path}: not a valid explanation ({str(error).splitlines()[0]})") from error
    if explanation.protocol != PROTOCOL:
        raise RecordError(f"{path}: of {explanation.protocol}, and this version reads {PROTOCOL}")
    return explanation
