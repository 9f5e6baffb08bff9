"""Writes a token set shard by shard, with no more than one in memory; one that was killed goes on after its last."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from einops import rearrange
from jaxtyping import Int
from safetensors.torch import save
from torch import Tensor

from priors.image_ids import integers
from priors.token_index import INDEX, SHARD_NAME, Contents, Index, OtherSetError, Shard, TokenSetError
from priors.token_set import TokenSet
from priors.token_shard import LABEL_KIND, LABELS, METADATA, file_digest, length_name, read_shard, tensor_name
from storage.paths import StrPath
from storage.whole_files import replacing

SHARD_PICTURES = 4096
"""Pictures of a shard: what is lost at most when the writer is killed."""

SHARD_SOUNDS = 256
"""Sounds of a shard, each of which may be long."""

UNFINISHED = re.compile(r"\.(codes-\d{5}\.safetensors|index\.json)\.\d+\.tmp")

Batch = dict[str, Tensor]


class TokenSetWriter:
    """Makes a token set of codes that come in order.

    Attributes:
        done: Pictures whose codes lie in whole shards already: go on after them.
        finished: Whether the set is whole already.
    """

    def __init__(self, folder: StrPath, contents: Contents, shard_pictures: int = SHARD_PICTURES) -> None:
        """
        Args:
            folder: Made where it is missing; its parents too.
            contents: What the codes will be.
            shard_pictures: Of each shard but the last.

        Raises:
            TokenSetError: a folder with other things, or with other codes.
        """
        folder = Path(folder)
        self.folder, self.contents, self.shard_pictures = folder, contents, shard_pictures
        folder.mkdir(parents=True, exist_ok=True)
        _require_own(folder)
        self._shards: list[tuple[str, int]] = []
        self._held: list[Batch] = []
        self._names: list[str] = []
        self.finished = (folder / INDEX).is_file()
        if self.finished:
            self.done = self._require_same()
        else:
            self.done = self._resume()

    def add(
        self,
        codes: Sequence[Int[Tensor, "b n ..."]],
        labels: Int[Tensor, " b"] | Sequence[int] | None,
        names: Sequence[str],
    ) -> None:
        """The next pictures: their code maps, their classes where there are any, and what they are called. Sounds of
        several lengths come one by one, or those that are equally long together.

        Raises:
            ValueError: codes or labels that are not what the contents say.
        """
        contents = self.contents
        count = contents.ids.require_maps(codes)
        if len(names) != count:
            raise ValueError(f"each of {count} pictures needs a name, got {len(names)}")
        batch: Batch = {}
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
        self._held.append(batch)
        self._names += names
        while len(self._names) >= self.shard_pictures:
            self._write(self.shard_pictures)

    def finish(self) -> TokenSet:
        """Write the last shard, then the index: the set is whole. ValueError for a set without pictures."""
        if self.finished:
            return TokenSet.open(self.folder)
        if self._names:
            self._write(len(self._names))
        if not self._shards:
            raise ValueError("a token set has one picture at least, and none came")
        shards = []
        for file, count in self._shards:
            path = self.folder / file
            shards.append(Shard(file, count, path.stat().st_size, file_digest(path)))
        with replacing(self.folder / INDEX) as temporary:
            temporary.write_text(Index(self.contents, tuple(shards)).as_text(), encoding="utf-8")
        self.finished = True
        return TokenSet.open(self.folder)

    def _write(self, count: int) -> None:
        joined = {name: torch.cat([batch[name] for batch in self._held]) for name in self._held[0]}
        number = len(self._shards)
        file = shard_file(number)
        rows = dict.fromkeys(joined, count)
        if self.contents.has_lengths:
            lengths = {name: joined[length_name(name)][:count] for name in self.contents.maps}
            rows |= {tensor_name(name): int(of.sum()) for name, of in lengths.items()}
        # clones, since a file of a view would hold all that it is a view of
        tensors = {
            name: tensor[: rows[name]].clone(memory_format=torch.contiguous_format) for name, tensor in joined.items()
        }
        about = {"key": self.contents.key, "shard": number, "names": self._names[:count]}
        with replacing(self.folder / file) as temporary:
            temporary.write_bytes(save(tensors, metadata={METADATA: json.dumps(about)}))
        self._shards.append((file, count))
        self._held = [{name: tensor[rows[name] :].clone() for name, tensor in joined.items()}]
        self._names = self._names[count:]
        self.done += count

    def _require_same(self) -> int:
        """How many pictures the finished set has; TokenSetError where it is another."""
        found = TokenSet.open(self.folder)
        if json.dumps(found.contents.as_json()) != json.dumps(self.contents.as_json()):
            raise TokenSetError(f"{self.folder} {self._other(found.contents.tokenizer)}")
        return len(found)

    def _resume(self) -> int:
        """How many pictures lie in whole shards. What was being written is removed, and so is all after a bad shard."""
        for left in self.folder.iterdir():
            if UNFINISHED.fullmatch(left.name):
                left.unlink()
        written = sorted(file.name for file in self.folder.iterdir() if SHARD_NAME.fullmatch(file.name))
        for number, file in enumerate(written):
            try:
                _, count = read_shard(self.folder / file, number, self.contents)
            except OtherSetError as error:
                raise TokenSetError(f"{self.folder} {self._other('another tokenizer or data set')}") from error
            except TokenSetError:
                for bad in written[number:]:
                    (self.folder / bad).unlink()
                break
            self._shards.append((file, count))
        return sum(count for _, count in self._shards)

    def _other(self, whose: str) -> str:
        return f"holds the codes of {whose}, made otherwise than asked for now; name another folder, or delete it"


def shard_file(number: int) -> str:
    """The name of a shard."""
    return f"codes-{number:05}.safetensors"


def _require_own(folder: Path) -> None:
    """TokenSetError where a folder has other files than those of a token set."""
    for file in sorted(folder.iterdir()):
        if not (file.name == INDEX or SHARD_NAME.fullmatch(file.name) or UNFINISHED.fullmatch(file.name)):
            raise TokenSetError(f"{folder} has other things in it ({file.name}); name a new folder for the codes")
