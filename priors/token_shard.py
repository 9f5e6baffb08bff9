"""One file of a token set: what it holds, and whether it is the file that the index means."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Int, Int64
from torch import Tensor

from priors import token_parquet, token_safetensors, token_webdataset
from priors.token_content import LABEL_KIND, LABELS, Stored, length_name, tensor_name
from priors.token_index import SUFFIXES, Contents, OtherSetError, Shard, ShardFormat, TokenSetError
from storage.paths import StrPath


class Kind(NamedTuple):
    """How shards of a format are written and read.

    Attributes:
        require: Raises TokenSetError where such a set cannot be read or written here.
        write: Writes one to a path.
        read: Reads one. ValueError or OSError for a file that is none.
        head: What one says of itself; None where `read` is a memory map, and as cheap.
    """

    require: Callable[[Contents], None]
    write: Callable[[Path, Contents, Stored], None]
    read: Callable[[Path, Contents], Stored]
    head: Callable[[Path], dict[str, Any]] | None


KINDS: dict[ShardFormat, Kind] = {
    "safetensors": Kind(lambda _: None, token_safetensors.write, token_safetensors.read, None),
    "parquet": Kind(
        lambda _: token_parquet.require_package(), token_parquet.write, token_parquet.read, token_parquet.head
    ),
    "webdataset": Kind(
        token_webdataset.require_map_names, token_webdataset.write, token_webdataset.read, token_webdataset.head
    ),
}


class Opened(NamedTuple):
    """One shard; of safetensors a memory map: what is not read takes no memory.

    Attributes:
        codes: Of each map, (n, c, *grid); where signals have several lengths (all positions, c), of one signal after
            the other.
        labels: None where there are none.
        ends: Of each map, where each signal ends among the positions; none where all have one size.
        first: Number of its first picture, where it says so.
        pictures: How many it is of.
    """

    codes: list[Int[Tensor, "_n ..."]]
    labels: Int[Tensor, " n"] | None
    ends: list[Int64[Tensor, " n"]]
    first: int | None
    pictures: int

    def signal(self, row: int) -> list[Int[Tensor, "c _p"]]:
        """The code maps of one of several lengths."""
        return [
            of[int(ends[row - 1]) if row else 0 : int(ends[row])].mT
            for of, ends in zip(self.codes, self.ends, strict=True)
        ]


def shard_file(number: int, shard_format: ShardFormat) -> str:
    """The name of a shard."""
    return f"codes-{number:05}{SUFFIXES[shard_format]}"


def require_there(folder: StrPath, shard: Shard) -> Path:
    """Where a shard is that is as long as the index says. TokenSetError where none is."""
    path = Path(folder) / shard.file
    if not path.is_file():
        raise TokenSetError(f"{path} is missing; make the token set again, or bring the file back")
    if (size := path.stat().st_size) != shard.bytes:
        raise TokenSetError(
            f"{path}: {size:,} bytes, and the index says {shard.bytes:,}: cut off, or another file; make the set again"
        )
    return path


def open_shard(folder: StrPath, shard: Shard, number: int, contents: Contents, shard_format: ShardFormat) -> Opened:
    """A shard that is as long, and holds what, the index says.

    Raises:
        TokenSetError: it is not there, or another.
    """
    path = require_there(folder, shard)
    opened = read_shard(path, number, contents, shard_format)
    if opened.pictures != shard.count:
        raise TokenSetError(f"{path}: the codes of {opened.pictures} pictures, and the index says {shard.count}")
    return opened


def look_at_shard(folder: StrPath, shard: Shard, number: int, contents: Contents, shard_format: ShardFormat) -> None:
    """Raise TokenSetError unless a shard is there, as long as the index says, and says that it is this one."""
    path, head = require_there(folder, shard), KINDS[shard_format].head
    assert head is not None
    try:
        about = head(path)
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, error) from error
    _require_place(path, about, number, contents)


def read_shard(path: StrPath, number: int, contents: Contents, shard_format: ShardFormat) -> Opened:
    """A shard, read where it is no memory map.

    Raises:
        TokenSetError: a damaged file, or one of another set or place.
    """
    path = Path(path)
    try:
        about, _, tensors = KINDS[shard_format].read(path, contents)
    except (OSError, ValueError, RecursionError) as error:
        _require_own(path, contents, shard_format)
        raise _damaged(path, error) from error
    _require_place(path, about, number, contents)
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
    first = about.get("first")
    ends = [of.cumsum(0) for of in lengths]
    return Opened(codes, labels if contents.classes else None, ends, first if isinstance(first, int) else None, count)


def read_names(folder: StrPath, shard: Shard, contents: Contents, shard_format: ShardFormat) -> list[str]:
    """What the pictures of a shard are called. TokenSetError where that is not said of each."""
    path = Path(folder) / shard.file
    names = KINDS[shard_format].read(path, contents).names
    if len(names) != shard.count:
        raise TokenSetError(f"{path}: damaged: it does not name each of its pictures; make the set again")
    return names


def file_digest(path: StrPath) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    path = Path(path)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _require_own(path: Path, contents: Contents, shard_format: ShardFormat) -> None:
    """Raise OtherSetError where a file that cannot be read as one of this set says that it is of another."""
    head = KINDS[shard_format].head
    if head is None:
        return
    try:
        about = head(path)
    except (OSError, ValueError, RecursionError):
        return
    if about["key"] != contents.key:
        raise _other(path)


def _require_place(path: Path, about: dict[str, Any], number: int, contents: Contents) -> None:
    if about["key"] != contents.key:
        raise _other(path)
    if about["shard"] != number:
        raise TokenSetError(f"{path}: shard {about['shard']} in the place of shard {number}; rename it back")


def _other(path: Path) -> OtherSetError:
    return OtherSetError(f"{path}: a shard of another token set; each has a folder of its own")


def _damaged(path: Path, error: Exception) -> TokenSetError:
    return TokenSetError(f"{path}: damaged, or no shard of a token set ({error}); make the set again")
