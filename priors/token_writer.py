"""Makes a token set shard by shard, by one process or by many: each shard is one file, whole or not there.

writer = TokenSetWriter("codes", contents, count=len(pictures))
for number in writer.prepare():  # those that are still to be made
    writer.write(number, [(codes_of(writer.places(number)), None, names_of(writer.places(number)))])
tokens = writer.finish()
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor

from priors.image_ids import integers
from priors.token_content import LABEL_KIND, LABELS, Stored, length_name, tensor_name
from priors.token_index import (
    INDEX,
    SHARD_NAME,
    SUFFIXES,
    Contents,
    Index,
    OtherSetError,
    Shard,
    ShardFormat,
    TokenSetError,
)
from priors.token_set import TokenSet
from priors.token_shard import KINDS, file_digest, read_shard, shard_file
from storage.paths import StrPath
from storage.whole_files import replacing

SHARD_PICTURES = 4096
"""Pictures of a shard: what is lost at most when a writer is killed."""

SHARD_SOUNDS = 256
"""Sounds of a shard, each of which may be long."""

UNFINISHED = re.compile(rf"\.({SHARD_NAME.pattern}|index\.json)\.\d+\.tmp")

Coded = tuple[Sequence[Tensor], Tensor | Sequence[int] | None, Sequence[str]]
"""Some pictures: their code maps (b, n, *grid), their classes (b) where there are any, and what they are called. Sounds
of several lengths come one by one, or those that are equally long together."""


class TokenSetWriter:
    """A plan of a token set, and what makes it: shard i has the pictures from i * shard_pictures on, whoever makes it.

    It holds nothing open and can be sent to other processes, on machines that share the folder. One of them calls
    `prepare` before the others `write`, and `finish` once all is written.
    """

    def __init__(
        self,
        folder: StrPath,
        contents: Contents,
        count: int,
        shard_pictures: int = SHARD_PICTURES,
        shard_format: ShardFormat = "safetensors",
    ) -> None:
        """
        Args:
            folder: Made where it is missing; its parents too.
            contents: What the codes will be.
            count: Pictures of the set.
            shard_pictures: Of each shard but the last.
            shard_format: What its files are.

        Raises:
            ValueError: an empty set or shard.
            TokenSetError: a format that cannot be written here, or has no names for such codes.
        """
        if count < 1:
            raise ValueError(f"a token set has one picture at least, got {count}")
        if shard_pictures < 1:
            raise ValueError(f"a shard has one picture at least, got {shard_pictures}")
        KINDS[shard_format].require(contents)
        self.folder, self.contents, self.count = Path(folder), contents, count
        self.shard_pictures, self.shard_format = shard_pictures, shard_format

    @property
    def shards(self) -> range:
        """Numbers of all shards."""
        return range(-(-self.count // self.shard_pictures))

    @property
    def is_finished(self) -> bool:
        """Whether the index is there, which is written last."""
        return (self.folder / INDEX).is_file()

    def places(self, number: int) -> range:
        """The pictures of a shard."""
        start = number * self.shard_pictures
        return range(start, min(start + self.shard_pictures, self.count))

    def path(self, number: int) -> Path:
        """Where a shard is, once it is whole."""
        return self.folder / shard_file(number, self.shard_format)

    def prepare(self) -> list[int]:
        """The shards that are still to be made. What others have left unfinished or damaged is removed.

        Raises:
            TokenSetError: a folder with other things, or with other codes.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        _require_own(self.folder)
        if self.is_finished:
            self._require_same()
            return []
        for left in self.folder.iterdir():
            if UNFINISHED.fullmatch(left.name):
                left.unlink()
        return sorted(set(self.shards) - self._whole())

    def write(self, number: int, batches: Iterable[Coded]) -> None:
        """Make one shard, which gets its name once it is whole.

        Args:
            number: Of the shard.
            batches: Its pictures, in order.

        Raises:
            ValueError: codes, labels or names that are not what the contents say, or not as many.
        """
        places = self.places(number)
        names: list[str] = []
        held = []
        for codes, labels, called in batches:
            held.append(_checked(self.contents, codes, labels, called))
            names += called
        if len(names) != len(places):
            raise ValueError(f"shard {number} has {len(places)} pictures, got {len(names)}")
        tensors = {name: torch.cat([batch[name] for batch in held]).contiguous() for name in held[0]}
        about = {"key": self.contents.key, "shard": number, "first": places.start}
        with replacing(self.path(number)) as temporary:
            KINDS[self.shard_format].write(temporary, self.contents, Stored(about, names, tensors))

    def finish(self) -> TokenSet:
        """Write the index: the set is whole.

        Raises:
            TokenSetError: a shard is missing.
        """
        if not self.is_finished:
            shards = [self._listed(number) for number in self.shards]
            index = Index(self.contents, tuple(shards), self.shard_format)
            with replacing(self.folder / INDEX) as temporary:
                temporary.write_text(index.as_text(), encoding="utf-8")
        return TokenSet.open(self.folder)

    def _listed(self, number: int) -> Shard:
        path = self.path(number)
        if not path.is_file():
            raise TokenSetError(f"{path} is missing; the command that makes the token set makes it when given again")
        return Shard(path.name, len(self.places(number)), path.stat().st_size, file_digest(path))

    def _require_same(self) -> None:
        """TokenSetError where the finished set is another."""
        found = TokenSet.open(self.folder)
        same = json.dumps(found.contents.as_json()) == json.dumps(self.contents.as_json())
        if not same or len(found) != self.count or found.shard_format != self.shard_format:
            raise TokenSetError(f"{self.folder} {_made_otherwise(found.contents.tokenizer)}")

    def _whole(self) -> set[int]:
        """Shards that are whole. Damaged ones, and those of another division into shards, are removed."""
        whole = set()
        for path in sorted(self.folder.iterdir()):
            if not (found := SHARD_NAME.fullmatch(path.name)):
                continue
            if found[2] != SUFFIXES[self.shard_format]:
                raise TokenSetError(f"{self.folder} {_made_otherwise('another format')}")
            if self._is_whole(path, number := int(found[1])):
                whole.add(number)
            else:
                path.unlink()
        return whole

    def _is_whole(self, path: Path, number: int) -> bool:
        try:
            shard = read_shard(path, number, self.contents, self.shard_format)
        except OtherSetError as error:
            raise TokenSetError(f"{self.folder} {_made_otherwise('another tokenizer or data set')}") from error
        except TokenSetError:
            return False
        places = self.places(number)
        return path == self.path(number) and (shard.first, shard.pictures) == (places.start, len(places))


def _checked(
    contents: Contents,
    codes: Sequence[Tensor],
    labels: Tensor | Sequence[int] | None,
    names: Sequence[str],
) -> dict[str, Tensor]:
    """The tensors of some pictures. ValueError where they are not what the contents say."""
    count = contents.ids.require_maps(codes)
    if len(names) != count:
        raise ValueError(f"each of {count} pictures needs a name, got {len(names)}")
    batch: dict[str, Tensor] = {}
    for name, of in zip(contents.maps, codes, strict=True):
        stored = of.to("cpu", contents.dtype)
        if contents.has_lengths:
            batch[length_name(name)] = torch.full((count,), of.shape[2])
            stored = rearrange(stored, "b n p -> (b p) n")
        batch[tensor_name(name)] = stored
    if contents.classes:
        if labels is None or len(labels) != count:
            raise ValueError(f"each of {count} pictures needs a label, got {0 if labels is None else len(labels)}")
        labels = integers(labels, "labels")
        if count and not (labels.min() >= 0 and labels.max() < len(contents.classes)):
            raise ValueError(f"labels must lie in [0, {len(contents.classes)}), as many as there are classes")
        batch[LABELS] = labels.to("cpu", LABEL_KIND)
    return batch


def _made_otherwise(whose: str) -> str:
    return f"holds the codes of {whose}, made otherwise than asked for now; name another folder, or delete it"


def _require_own(folder: StrPath) -> None:
    """TokenSetError where a folder has other files than those of a token set."""
    for file in sorted(Path(folder).iterdir()):
        if not (file.name == INDEX or SHARD_NAME.fullmatch(file.name) or UNFINISHED.fullmatch(file.name)):
            raise TokenSetError(f"{folder} has other things in it ({file.name}); name a new folder for the codes")
