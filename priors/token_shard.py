"""One file of a token set: its tensors, what it says of itself, and whether it is the file that the index means."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Int, Int64
from safetensors import SafetensorError, safe_open
from torch import Tensor

from priors.token_index import Contents, OtherSetError, Shard, TokenSetError
from storage.paths import StrPath

LABELS = "labels"
LABEL_KIND = torch.int32

METADATA = "token_set"
"""All that a shard says of itself, in one entry: more would be stored in any order, and files of equal sets differ."""


def tensor_name(code_map: str) -> str:
    """What the tensor of a code map is called in a shard."""
    return f"codes.{code_map}"


def length_name(code_map: str) -> str:
    """What the tensor is called that has the length of each signal in a code map, where these differ."""
    return f"lengths.{code_map}"


class Opened(NamedTuple):
    """One shard, as a memory map: what is not read takes no memory.

    Attributes:
        codes: Of each map, (n, c, *grid); where signals have several lengths (all positions, c), of one signal after
            the other.
        labels: None where there are none.
        ends: Of each map, where each signal ends among the positions; none where all have one size.
    """

    codes: list[Int[Tensor, "_n ..."]]
    labels: Int[Tensor, " n"] | None
    ends: list[Int64[Tensor, " n"]]

    def signal(self, row: int) -> list[Int[Tensor, "c _p"]]:
        """The code maps of one of several lengths."""
        return [
            of[int(ends[row - 1]) if row else 0 : int(ends[row])].mT
            for of, ends in zip(self.codes, self.ends, strict=True)
        ]


def open_shard(folder: StrPath, shard: Shard, number: int, contents: Contents) -> Opened:
    """A shard that is as long, and holds what, the index says.

    Raises:
        TokenSetError: it is not there, or another.
    """
    folder = Path(folder)
    path = folder / shard.file
    if not path.is_file():
        raise TokenSetError(f"{path} is missing; make the token set again, or bring the file back")
    if (size := path.stat().st_size) != shard.bytes:
        raise TokenSetError(
            f"{path}: {size:,} bytes, and the index says {shard.bytes:,}: cut off, or another file; make the set again"
        )
    opened, count = read_shard(path, number, contents)
    if count != shard.count:
        raise TokenSetError(f"{path}: the codes of {count} pictures, and the index says {shard.count}")
    return opened


def read_shard(path: StrPath, number: int, contents: Contents) -> tuple[Opened, int]:
    """A shard as a memory map, and how many pictures it is of.

    Raises:
        TokenSetError: a damaged file, or one of another set or place.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = _about(file.metadata())
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no dictionary)
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise TokenSetError(f"{path}: damaged, or no shard of a token set ({error}); make the set again") from error
    if about["key"] != contents.key:
        raise OtherSetError(f"{path}: a shard of another token set; each has a folder of its own")
    if about["shard"] != number:
        raise TokenSetError(f"{path}: shard {about['shard']} in the place of shard {number}; rename it back")
    found = [tensors.get(tensor_name(name)) for name in contents.maps]
    labels = tensors.get(LABELS)
    codes = [of for of in found if of is not None]
    lengths = [tensors[name] for name in map(length_name, contents.maps) if contents.has_lengths and name in tensors]
    counted = lengths[0] if lengths else found[0]
    count = counted.shape[0] if counted is not None and counted.ndim else 0
    wanted: list[tuple[Any, ...]] = [(count, contents.codes_per_position, *grid) for grid in contents.grids]
    is_right = all(of.dtype == contents.dtype for of in codes)
    if contents.has_lengths:
        is_right &= all(of.dtype == torch.int64 and of.shape == (count,) and (of > 0).all() for of in lengths)
        is_right &= len(lengths) == len(contents.maps)
        wanted = [(int(of.sum()), contents.codes_per_position) for of in lengths]
    is_right &= [tuple(of.shape) for of in codes] == wanted
    if contents.classes:
        is_right &= labels is not None and labels.shape == (count,) and labels.dtype == LABEL_KIND
    if not is_right:
        kinds = {name: f"{tensor.dtype} {tuple(tensor.shape)}" for name, tensor in tensors.items()}
        raise TokenSetError(f"{path}: damaged: {kinds} are not the tensors that the index says; make the set again")
    return Opened(codes, labels if contents.classes else None, [of.cumsum(0) for of in lengths]), count


def read_names(folder: StrPath, shard: Shard) -> list[str]:
    """What the pictures of a shard are called. TokenSetError where that is not said of each."""
    path = Path(folder) / shard.file
    with safe_open(path, framework="pt") as file:
        names: list[str] = _about(file.metadata())["names"]
    if len(names) != shard.count:
        raise TokenSetError(f"{path}: damaged: it does not name each of its pictures; make the set again")
    return names


def _about(metadata: dict[str, str] | None) -> dict[str, Any]:
    """What a shard says of itself. ValueError where it says something else."""
    about = json.loads((metadata or {}).get(METADATA, "null"))
    if not isinstance(about, dict) or not isinstance(about.get("names"), list) or not {"key", "shard"} <= about.keys():
        raise ValueError("it does not say what it is")
    if not all(isinstance(name, str) for name in about["names"]):
        raise ValueError("a name that is no word")
    return about


def file_digest(path: StrPath) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    path = Path(path)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
