"""What a folder of codes says of itself: `index.json`, as `token_set.md` describes it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeGuard, get_args

import torch

from priors.image_ids import ImageIds, Side
from storage.paths import StrPath

FORMAT = "quantizer-zoo-benchmark/token-set"
VERSION = 3
"""Raised when a reader of this version would misread what is written."""

OF_ONE_SIZE, OF_LENGTHS = 1, 2
"""The versions of safetensors whose signals all have one size, and of others, which earlier readers know."""

ShardFormat = Literal["safetensors", "parquet", "webdataset"]
"""What the files of a set are."""

SUFFIXES: dict[ShardFormat, str] = {"safetensors": ".safetensors", "parquet": ".parquet", "webdataset": ".tar"}

INDEX = "index.json"
SHARD_NAME = re.compile(r"codes-(\d{5,12})(\.safetensors|\.parquet|\.tar)")
CODE_KINDS = (torch.int16, torch.int32, torch.int64)


class TokenSetError(ValueError):
    """A token set that cannot be used; the message says why and what to do."""


class OtherSetError(TokenSetError):
    """A shard of another token set."""


@dataclass(frozen=True)
class Contents:
    """What the codes are.

    Attributes:
        fingerprint: Of the tokenizer that made them.
        tokenizer: Its name, for a person.
        maps: Names of its code maps, in their order.
        grids: Sides of the grid of each; where signals have several lengths, as sounds, of each the one side None.
        codes_per_position: Of each map.
        codebook_size: Of one code.
        classes: Names of the pictures' classes, by label; none where there are no labels.
        data: Which pictures or sounds they are of; JSON-able.
        id_offset: As of `ImageIds`.
    """

    fingerprint: str
    tokenizer: str
    maps: tuple[str, ...]
    grids: tuple[tuple[Side, ...], ...]
    codes_per_position: int
    codebook_size: int
    classes: tuple[str, ...]
    data: Mapping[str, Any]
    id_offset: int = 0

    @property
    def has_lengths(self) -> bool:
        """Whether signals have several lengths."""
        return None in self.grids[0]

    @property
    def dtype(self) -> torch.dtype:
        """The smallest kind of integer that holds every code."""
        return next(kind for kind in CODE_KINDS if self.codebook_size - 1 <= torch.iinfo(kind).max)

    @property
    def ids(self) -> ImageIds:
        """The codes as ids of a language model."""
        return ImageIds(self.grids, self.codes_per_position, self.codebook_size, self.id_offset)

    @property
    def key(self) -> str:
        """Digest of all of it, but for the ids: each shard carries it."""
        about = {name: value for name, value in self.as_json().items() if name != "ids"}
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """As it stands in the index."""
        return {
            "fingerprint": self.fingerprint,
            "tokenizer": self.tokenizer,
            "maps": [{"name": name, "grid": list(grid)} for name, grid in zip(self.maps, self.grids, strict=True)],
            "codes_per_position": self.codes_per_position,
            "codebook_size": self.codebook_size,
            "dtype": str(self.dtype).removeprefix("torch."),
            "classes": list(self.classes),
            "data": dict(self.data),
            "ids": {
                "id_offset": self.id_offset,
                "begin_of_image": self.ids.begin,
                "end_of_image": self.ids.end,
                "ids_per_image": self.ids.length,
            },
        }


@dataclass(frozen=True)
class Shard:
    """One file of codes: its name in the folder, and what it holds."""

    file: str
    count: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Index:
    """A whole token set."""

    contents: Contents
    shards: tuple[Shard, ...]
    shard_format: ShardFormat = "safetensors"

    @property
    def version(self) -> int:
        """Of the format."""
        if self.shard_format != "safetensors":
            return VERSION
        return OF_LENGTHS if self.contents.has_lengths else OF_ONE_SIZE

    @property
    def count(self) -> int:
        """Pictures of all shards."""
        return sum(shard.count for shard in self.shards)

    def as_text(self) -> str:
        """The file."""
        shards = [vars(shard) for shard in self.shards]
        about = {
            "format": FORMAT,
            "format_version": self.version,
            **({"shard_format": self.shard_format} if self.version == VERSION else {}),
            "count": self.count,
            **self.contents.as_json(),
        }
        return json.dumps({**about, "shards": shards}, indent=1) + "\n"


def read_index(folder: StrPath) -> Index:
    """The index of a token set.

    Raises:
        TokenSetError: no folder, no token set or an unfinished one, a damaged index, or one of a later version.
    """
    folder = Path(folder)
    path = folder / INDEX
    if not folder.is_dir():
        raise TokenSetError(f"there is no folder {folder}; python -m benchmarks.tokens makes a token set")
    if not path.is_file():
        if any(SHARD_NAME.fullmatch(file.name) for file in folder.iterdir()):
            raise TokenSetError(f"{folder}: the token set is not finished; give the command that makes it again")
        raise TokenSetError(f"{folder}: not a token set: it has no {INDEX}")
    try:
        raw = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise TokenSetError(f"{path}: not a readable JSON file ({_one_line(error)})") from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise TokenSetError(f"{path}: not the index of a token set (its format is not {FORMAT})")
    version = raw.get("format_version")
    if _is_count(version) and version > VERSION:
        raise TokenSetError(
            f"{path}: written by a newer version of this program (format {version}, this one reads up to {VERSION})"
        )
    try:
        return _index_of(raw)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        said = f"it has no {error}" if isinstance(error, KeyError) else _one_line(error)
        raise TokenSetError(f"{path}: a damaged index: {said}") from error


def _index_of(raw: dict[str, Any]) -> Index:
    maps = _list(raw, "maps", lambda of: isinstance(of, dict) and _is_word(of["name"]) and _is_grid(of["grid"]))
    _require("maps", bool(maps), "one map at least", maps)
    _require("maps", len({None in of["grid"] for of in maps}) == 1, "all of one size, or all of several lengths", maps)
    codebook_size, codes_per_position = _count(raw, "codebook_size"), _count(raw, "codes_per_position")
    _require("codebook_size", codebook_size <= 2**62, "at most 2^62", codebook_size)
    contents = Contents(
        fingerprint=_word(raw, "fingerprint"),
        tokenizer=_word(raw, "tokenizer"),
        maps=tuple(of["name"] for of in maps),
        grids=tuple(tuple(of["grid"]) for of in maps),
        codes_per_position=codes_per_position,
        codebook_size=codebook_size,
        classes=tuple(_list(raw, "classes", _is_word)),
        data=dict(raw["data"]),
        id_offset=raw["ids"]["id_offset"],
    )
    for name in ("dtype", "ids"):
        _require(name, raw[name] == contents.as_json()[name], str(contents.as_json()[name]), raw[name])
    shard_format = raw.get("shard_format", "safetensors")
    known = get_args(ShardFormat)
    _require("shard_format", shard_format in known, f"one of {', '.join(known)}", shard_format)
    shards = tuple(_shard(of, shard_format) for of in _list(raw, "shards", lambda of: isinstance(of, dict)))
    index = Index(contents, shards, shard_format)
    version = index.version
    _require("format_version", raw["format_version"] == version, f"{version} with such maps", raw["format_version"])
    files = [shard.file for shard in index.shards]
    _require("shards", len(set(files)) == len(files) > 0, "one at least, each once", files)
    _require("count", raw["count"] == index.count, f"{index.count}, as its shards", raw["count"])
    return index


def _shard(raw: dict[str, Any], shard_format: ShardFormat) -> Shard:
    file, suffix = _word(raw, "file"), SUFFIXES[shard_format]
    found = SHARD_NAME.fullmatch(file)
    _require("file", found is not None and found[2] == suffix, f"codes-NUMBER{suffix} in the same folder", file)
    return Shard(file, _count(raw, "count"), _count(raw, "bytes"), _word(raw, "sha256"))


def _count(raw: dict[str, Any], name: str) -> int:
    _require(name, _is_count(raw[name]), "a whole number from 1", raw[name])
    return int(raw[name])


def _word(raw: dict[str, Any], name: str) -> str:
    _require(name, _is_word(raw[name]), "a word", raw[name])
    return str(raw[name])


def _list(raw: dict[str, Any], name: str, is_right: Callable[[Any], bool]) -> list[Any]:
    found = raw[name]
    _require(name, isinstance(found, list) and all(map(is_right, found)), "a list, as token_set.md says", found)
    return list(found)


def _require(name: str, condition: bool, expected: str, got: object) -> None:
    if not condition:
        raise ValueError(f"{name} must be {expected}, got {str(got)[:100]!r}")


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_word(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and bool(value)


def _is_grid(value: object) -> bool:
    return isinstance(value, list) and bool(value) and (value == [None] or all(map(_is_count, value)))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
