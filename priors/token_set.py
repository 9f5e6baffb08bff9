"""The codes of a data set, computed once and kept in a folder, as `token_set.md` describes it.

tokens = TokenSet.open(Path("codes/train"), fingerprint(tokenizer))
codes = tokens.codes(torch.tensor([5, 2, 9]))  # int64 code maps, of safetensors read from a memory map
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import torch
from jaxtyping import Bool, Int, Int64
from torch import Tensor

from priors.image_ids import ImageIds, Side, integers, require_range
from priors.token_index import Contents, Index, ShardFormat, TokenSetError, read_index
from priors.token_shard import KINDS, Opened, file_digest, look_at_shard, open_shard, read_names
from storage.paths import StrPath

Indices = Int[Tensor, " b"] | Bool[Tensor, " _pictures"] | Sequence[int] | Sequence[bool]
"""Numbers of pictures, or a mask over all of the set, as PyTorch indexes."""

HELD = 4
"""Shards that are kept in memory where they are no memory maps. To read these in any order, rather than one shard after
the other, reads them again and again."""


class TokenSet:
    """A whole token set to be read. Its pictures are numbered from 0.

    Attributes:
        contents: What the codes are.
    """

    def __init__(self, folder: StrPath, index: Index) -> None:
        self.folder, self._index = Path(folder), index
        self.contents: Contents = index.contents
        self._ends = torch.tensor([*accumulate(shard.count for shard in index.shards)])
        self._opened: OrderedDict[int, Opened] = OrderedDict()

    @classmethod
    def open(cls, folder: StrPath, fingerprint: str | None = None) -> TokenSet:
        """The token set in a folder. Every shard is there and as long as the index says; `verify` reads them whole.

        Args:
            folder: With its index.json.
            fingerprint: Of the tokenizer that its codes must be of, by `priors.fingerprint`.

        Raises:
            TokenSetError: no token set, a damaged one, one of a later version, or one of another tokenizer.
        """
        tokens = cls(folder, read_index(folder))
        made = tokens.contents.fingerprint
        if fingerprint is not None and made != fingerprint:
            raise TokenSetError(
                f"{folder}: the codes of another tokenizer, {tokens.contents.tokenizer} (fingerprint {made[:12]}, not "
                f"{fingerprint[:12]}): under this one they mean nothing; python -m benchmarks.tokens makes those of it"
            )
        tokens._look()
        return tokens

    def __len__(self) -> int:
        return self._index.count

    @property
    def shard_format(self) -> ShardFormat:
        """What its files are."""
        return self._index.shard_format

    @property
    def has_labels(self) -> bool:
        """Whether pictures have classes."""
        return bool(self.contents.classes)

    def codes(self, indices: Indices) -> list[Int64[Tensor, "b n ..."]]:
        """The code maps of these pictures, or of these sounds where they are equally long.

        Raises:
            IndexError: no such picture, a mask of another length than the set, or indices that are no integers.
            ValueError: sounds of several lengths.
            TokenSetError: a code that the tokenizer does not have.
        """
        places = self._places(indices)
        contents = self.contents
        found = self._stacked(places) if contents.has_lengths else self._gathered(places)
        try:
            require_range(found, contents.codebook_size)
        except ValueError as error:
            raise TokenSetError(f"{self.folder}: damaged: {error}; make it again") from error
        return found

    def _gathered(self, places: Int64[Tensor, " b"]) -> list[Int64[Tensor, "b n ..."]]:
        """The code maps, all of one size."""
        sides = [tuple(side for side in grid if side is not None) for grid in self.grids]
        each = self.contents.codes_per_position
        found = [torch.empty(len(places), each, *grid, dtype=torch.int64) for grid in sides]
        for number, here, rows in self._by_shard(places):
            for into, of in zip(found, self._shard(number).codes, strict=True):
                into[here] = of[rows].long()
        return found

    def _stacked(self, places: Int64[Tensor, " b"]) -> list[Int64[Tensor, "b n p"]]:
        """The code maps, each of its own length; ValueError where these differ."""
        signals: list[list[Tensor]] = [[]] * len(places)
        for number, here, rows in self._by_shard(places):
            for place, row in zip(here.tolist(), rows.tolist(), strict=True):
                signals[place] = self._shard(number).signal(row)
        maps = list(zip(*signals, strict=True))
        if any(len({of.shape for of in each}) > 1 for each in maps):
            raise ValueError(f"{self.folder}: signals of several lengths make no one tensor; ask for them one by one")
        if not maps:
            return [torch.empty(0, self.contents.codes_per_position, 0, dtype=torch.int64) for _ in self.grids]
        return [torch.stack(each).long() for each in maps]

    def labels(self, indices: Indices) -> Int64[Tensor, " b"] | None:
        """The classes of these pictures; None where they have none. Raises as `codes`."""
        if not self.has_labels:
            return None
        places = self._places(indices)
        found = torch.empty(len(places), dtype=torch.int64)
        for number, here, rows in self._by_shard(places):
            labels = self._shard(number).labels
            if labels is not None:
                found[here] = labels[rows].long()
        if len(found) and not (found.min() >= 0 and found.max() < len(self.contents.classes)):
            raise TokenSetError(f"{self.folder}: damaged: a label that is none of its classes; make it again")
        return found

    def names(self, indices: Indices) -> list[str]:
        """What the pictures are called in their data set. Raises IndexError as `codes`."""
        places = self._places(indices)
        found = [""] * len(places)
        for number, here, rows in self._by_shard(places):
            names = self._names(number)
            for place, row in zip(here.tolist(), rows.tolist(), strict=True):
                found[place] = names[row]
        return found

    def batches(self, size: int) -> Iterator[tuple[list[Int64[Tensor, "b n ..."]], Int64[Tensor, " b"] | None]]:
        """All code maps and labels in order, at most `size` pictures at a time; where signals have several lengths one
        by one."""
        size = 1 if self.contents.has_lengths else size
        for start in range(0, len(self), size):
            some = torch.arange(start, min(start + size, len(self)))
            yield self.codes(some), self.labels(some)

    @property
    def grids(self) -> tuple[tuple[Side, ...], ...]:
        """Sides of the grid of each code map; None where signals have several lengths."""
        return self.contents.grids

    def as_ids(self, codes: Sequence[Int[Tensor, "b n ..."]], offset: int | None = None) -> Int64[Tensor, "b l"]:
        """Code maps as ids of a language model, see `ImageIds`; from `offset` on, or else from the index's own."""
        contents = self.contents
        first = contents.id_offset if offset is None else offset
        return ImageIds(contents.grids, contents.codes_per_position, contents.codebook_size, first).as_ids(codes)

    def verify(self) -> None:
        """Read everything once. Raises TokenSetError where a file is not the one that was written."""
        for shard in self._index.shards:
            path = self.folder / shard.file
            if file_digest(path) != shard.sha256:
                raise TokenSetError(f"{path}: damaged: its SHA-256 is not that of the index; make the set again")
        for _ in self.batches(1024):
            pass

    def _places(self, indices: Indices) -> Int64[Tensor, " b"]:
        places = torch.as_tensor(indices)
        if places.ndim != 1:
            raise IndexError(f"{self.folder}: pictures are asked for by a list of numbers, got {indices!r}")
        if places.dtype == torch.bool:
            if len(places) != len(self):
                raise IndexError(f"{self.folder} has {len(self)} pictures, got a mask of {len(places)}")
            places = places.nonzero()[:, 0].cpu()
        try:
            places = integers(places, "the numbers of pictures")
        except ValueError as error:
            raise IndexError(f"{self.folder}: {error}") from error
        if len(places) and not (places.min() >= 0 and places.max() < len(self)):
            raise IndexError(
                f"{self.folder} has pictures 0 to {len(self) - 1}, asked for {int(places.min())} to {int(places.max())}"
            )
        return places

    def _by_shard(self, places: Int64[Tensor, " b"]) -> Iterator[tuple[int, Int64[Tensor, " k"], Int64[Tensor, " k"]]]:
        """Number of each shard that is asked, where its pictures stand among the places, and their rows in it."""
        shards = torch.searchsorted(self._ends, places, right=True)
        for number in shards.unique().tolist():
            here = (shards == number).nonzero()[:, 0]
            first = self._ends[number] - self._index.shards[number].count
            yield number, here, places[here] - first

    def _names(self, number: int) -> list[str]:
        return read_names(self.folder, self._index.shards[number], self.contents, self.shard_format)

    @property
    def _is_mapped(self) -> bool:
        return KINDS[self.shard_format].head is None

    def _look(self) -> None:
        """Raise TokenSetError unless every shard is there."""
        KINDS[self.shard_format].require(self.contents)
        for number, shard in enumerate(self._index.shards):
            if self._is_mapped:
                self._shard(number)
            else:
                look_at_shard(self.folder, shard, number, self.contents, self.shard_format)

    def _shard(self, number: int) -> Opened:
        if number not in self._opened:
            shard = self._index.shards[number]
            self._opened[number] = open_shard(self.folder, shard, number, self.contents, self.shard_format)
        self._opened.move_to_end(number)
        if not self._is_mapped and len(self._opened) > HELD:
            self._opened.popitem(last=False)
        return self._opened[number]
