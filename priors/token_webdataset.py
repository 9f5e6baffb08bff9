"""Shards as tar files of samples, which WebDataset streams.

Each picture is a sample KEY, its number in the data set, of the members KEY.json (its name), KEY.cls (its label, where
there are classes) and KEY.NAME.npy of each code map, (codes per position, *grid). What the shard says of itself is a
comment of the archive, so that no reader takes it for a sample.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor

from priors.token_content import LABEL_KIND, LABELS, METADATA, Signal, Stored, joined, parse_about, signals
from priors.token_index import Contents, TokenSetError
from storage.paths import StrPath

DIGITS = 12
"""Of a key, so that keys sort as their numbers do."""

MAP_NAME = re.compile(r"[A-Za-z0-9_-]+")
"""What a map may be called: keys end at the first dot, and folders at a slash."""

MOST = 2**30
"""Bytes of a member at most; one of more is something else."""


def require_map_names(contents: Contents) -> None:
    """TokenSetError for a code map whose name no member can have."""
    for name in contents.maps:
        if not MAP_NAME.fullmatch(name):
            raise TokenSetError(f"the code map {name!r} cannot be a member of a tar file; choose another --format")


def write(path: StrPath, contents: Contents, stored: Stored) -> None:
    """Write a shard."""
    comment = {METADATA: json.dumps(stored.about)}
    labels = stored.tensors[LABELS].tolist() if contents.classes else None
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT, pax_headers=comment) as tar:
        for row, (name, codes) in enumerate(zip(stored.names, signals(contents, stored.tensors), strict=True)):
            key = f"{stored.about['first'] + row:0{DIGITS}}"
            _add(tar, f"{key}.json", json.dumps({"name": name}).encode())
            if labels is not None:
                _add(tar, f"{key}.cls", b"%d" % labels[row])
            for code_map, of in zip(contents.maps, codes, strict=True):
                _add(tar, f"{key}.{code_map}.npy", _as_npy(of))


def read(path: StrPath, contents: Contents) -> Stored:
    """A shard. ValueError or OSError for a file that is none."""
    parts = ["json", *(["cls"] if contents.classes else []), *(f"{name}.npy" for name in contents.maps)]
    names: list[str] = []
    labels: list[int] = []
    items: list[Signal] = []
    try:
        if Path(path).stat().st_size % tarfile.RECORDSIZE:
            raise ValueError("it is cut off")
        with tarfile.open(path, "r:") as tar:
            about = parse_about(tar.pax_headers.get(METADATA))
            first = about.get("first")
            members = list(tar)
            if len(members) % len(parts) or not isinstance(first, int):
                raise ValueError("samples that are not whole")
            for row in range(len(members) // len(parts)):
                of = dict(zip(parts, members[row * len(parts) : (row + 1) * len(parts)], strict=True))
                for part, member in of.items():
                    if member.name != f"{first + row:0{DIGITS}}.{part}":
                        raise ValueError(f"{member.name} in the place of {first + row:0{DIGITS}}.{part}")
                held = {part: _content(tar, member) for part, member in of.items()}
                names.append(_name(held["json"]))
                labels += [int(held["cls"])] if contents.classes else []
                items.append([_from_npy(held[f"{name}.npy"], contents) for name in contents.maps])
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(str(error)) from error
    tensors: dict[str, Tensor] = joined(contents, items)
    if contents.classes:
        tensors[LABELS] = torch.tensor(labels, dtype=LABEL_KIND)
    return Stored(about, names, tensors)


def head(path: StrPath) -> dict[str, Any]:
    """What a shard says of itself, without its pictures. ValueError or OSError for a file that is none."""
    try:
        with tarfile.open(path, "r:") as tar:
            return parse_about(tar.pax_headers.get(METADATA))
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(str(error)) from error


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)  # of no time and no owner, so that equal sets are equal files
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member) if member.isreg() and member.size <= MOST else None
    content = b"" if file is None else file.read()
    if len(content) != member.size:
        raise ValueError(f"{member.name} is cut off")
    return content


def _name(content: bytes) -> str:
    about = json.loads(content)
    if not isinstance(about, dict) or not isinstance(about.get("name"), str):
        raise ValueError("a name that is no word")
    return str(about["name"])


def _as_npy(codes: np.ndarray) -> bytes:
    file = io.BytesIO()
    npy.write_array(file, np.ascontiguousarray(codes), version=(1, 0), allow_pickle=False)
    return file.getvalue()


def _from_npy(content: bytes, contents: Contents) -> np.ndarray:
    """The array of a file; what its head claims is held against its bytes before any memory is taken."""
    file = io.BytesIO(content)
    try:
        is_known = npy.read_magic(file) == (1, 0)
        shape, is_fortran, kind = npy.read_array_header_1_0(file) if is_known else ((), False, "another version")
    except Exception as error:  # its parser raises whatever it meets
        raise ValueError(f"no array: {error}") from error
    if is_fortran or kind != np.dtype(str(contents.dtype).removeprefix("torch.")) or len(shape) < 2:
        raise ValueError(f"an array of {kind}, {shape}")
    return np.frombuffer(content[file.tell() :], kind).reshape(shape)
