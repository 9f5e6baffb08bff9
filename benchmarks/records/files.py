"""Stored records as files: JSON of one model, written whole or not at all, and checked on reading."""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from storage.paths import StrPath
from storage.whole_files import replacing


class Frozen(BaseModel):
    """What a record is made of: it has these fields and no others, and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=BaseModel)


class RecordError(ValueError):
    """A file that is not a record of this program; the message says why."""


LOGS = ".logs"
"""Ends the name of a folder beside a run that holds what its training told trackers: some of that is JSON, too."""


def find_records(paths: Iterable[StrPath], names: str = "*.json") -> Iterator[Path]:
    """The files named, and those below the folders named whose own names are such, in order of name.

    Folders that are links are entered, each folder once; those of trackers are not.
    """
    for path in map(Path, paths):
        yield from sorted(_below(path, names)) if path.is_dir() else [path]


def _below(folder: Path, names: str) -> Iterator[Path]:
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        # in order, so that a folder of several names has the same one each time
        folders[:] = sorted(folder for folder in folders if not folder.endswith(LOGS))
        yield from (Path(place, name) for name in fnmatch.filter(files, names))


def write_model(path: StrPath, model: BaseModel) -> None:
    """Store a record."""
    with replacing(path) as temporary:
        temporary.write_text(model.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_model(path: StrPath, kind: type[Model], what: str, protocol: str, schema: int) -> Model:
    """Read and check a record.

    Args:
        path: Its file.
        kind: What it is read as.
        what: The same in words, for messages.
        protocol: The protocol that this version writes; others of its family are read as far as they fit.
        schema: The schema that this version writes.

    Raises:
        RecordError: the file cannot be read, is of another family or of a later schema, or lacks something.
    """
    path, family = Path(path), protocol.partition("/")[0]
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: not a readable JSON file ({error})") from error
    if not isinstance(raw, dict) or not str(raw.get("protocol", "")).startswith(f"{family}/"):
        raise RecordError(f"{path}: not a {what} (its protocol is not {family}/…)")
    if isinstance(raw.get("schema_version"), int) and raw["schema_version"] > schema:
        raise RecordError(f"{path}: written by a newer version of this program (schema {raw['schema_version']})")
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RecordError(f"{path}: not a valid {what}: {where}: {first['msg']}") from error


def read_this_version(path: StrPath, kind: type[Model], what: str, protocol: str, schema: int) -> Model:
    """Read and check a record of one version of a protocol; otherwise as `read_model`."""
    model = read_model(path, kind, what, protocol, schema)
    of: str = model.protocol  # type: ignore[attr-defined]
    if of != protocol:
        raise RecordError(f"{path}: of {of}, and this version reads {protocol}")
    return model


def read_each(
    paths: Iterable[StrPath], read: Callable[[Path], Model], problems: list[str]
) -> Iterator[tuple[Path, Model]]:
    """The records in these files; a sentence for each that had to be left out goes to `problems`."""
    for path in map(Path, paths):
        try:
            yield path, read(path)
        except RecordError as error:
            problems.append(str(error))


def if_stored(path: StrPath, read: Callable[[Path], Model]) -> Model | None:
    """The record in a file; None where there is no file, or no record in it."""
    try:
        return read(Path(path))
    except RecordError:
        return None
