"""Codes as ids in the vocabulary of a multimodal language model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int, Int64
from torch import Tensor

MAX_ID = 2**63 - 1

Side = int | None
"""Positions along one axis of a code map; None where every signal has its own number of them, as sounds have."""


@dataclass(frozen=True)
class ImageIds:
    """Pictures, or sounds, as sequences of ids: begin of image, the codes, end of image.

    Code maps come one after the other, positions in raster order, and all codes of a position before the next. Every
    slot (each code of a position, of each map) has `codebook_size` ids of its own.

    Attributes:
        grids: Sides of the grid of each code map.
        codes_per_position: Of each map.
        codebook_size: Of one code.
        id_offset: The first id of pictures: as many ids the model has besides.
    """

    grids: tuple[tuple[Side, ...], ...]
    codes_per_position: int
    codebook_size: int
    id_offset: int = 0

    def __post_init__(self) -> None:
        """Refuse an offset that is no id, and more ids than an int64 can tell apart."""
        if isinstance(self.id_offset, bool) or not isinstance(self.id_offset, int) or self.id_offset < 0:
            raise ValueError(f"id_offset must be a whole number from 0, the first id of pictures, got {self.id_offset}")
        if self.end > MAX_ID:
            raise ValueError(f"{self.end} ids are more than an int64 holds; split the codes into digits first")

    @property
    def begin(self) -> int:
        """Id of the begin of an image; those of codes lie below."""
        return self.id_offset + len(self.grids) * self.codes_per_position * self.codebook_size

    @property
    def end(self) -> int:
        """Id of the end of an image, the last of all."""
        return self.begin + 1

    @property
    def length(self) -> int | None:
        """Ids of a picture; None where signals have several lengths."""
        cells = [positions(grid) for grid in self.grids]
        if any(count is None for count in cells):
            return None
        return 2 + self.codes_per_position * sum(count for count in cells if count is not None)

    def as_ids(self, codes: Sequence[Int[Tensor, "b n ..."]]) -> Int64[Tensor, "b l"]:
        """The ids of pictures, from their code maps. ValueError on maps that do not fit, or codes out of range."""
        count = self.require_maps(codes)
        edge = torch.empty(count, 1, dtype=torch.int64)
        parts = [edge.new_full((count, 1), self.begin)]
        for firsts, of in zip(self._first_ids(), codes, strict=True):
            parts.append((of.cpu().long().flatten(2).mT + firsts).flatten(1))
        return torch.cat([*parts, edge.new_full((count, 1), self.end)], 1)

    def as_codes(self, ids: Int64[Tensor, "b l"]) -> list[Int64[Tensor, "b n ..."]]:
        """The code maps of pictures, from their ids. ValueError on another length, or ids out of place; or on several
        maps of several lengths, where ids do not say how many of them are of which."""
        grids = self._grids_of(ids)
        if (ids[:, 0] != self.begin).any() or (ids[:, -1] != self.end).any():
            raise ValueError(f"the ids of a picture begin with {self.begin} and end with {self.end}")
        parts = ids[:, 1:-1].split([self.codes_per_position * math.prod(grid) for grid in grids], 1)
        codes = [
            (part.unflatten(1, (-1, self.codes_per_position)) - firsts).mT.unflatten(2, grid)
            for firsts, part, grid in zip(self._first_ids(), parts, grids, strict=True)
        ]
        self.require_maps(codes)
        return codes

    def _grids_of(self, ids: Tensor) -> list[tuple[int, ...]]:
        """The sides of each map of signals of so many ids."""
        count = ids.shape[1] - 2 if ids.ndim == 2 else -1
        if self.length is None and len(self.grids) == 1 and count > 0 and count % self.codes_per_position == 0:
            return [(count // self.codes_per_position,)]
        if self.length is None or count + 2 != self.length:
            wanted = "of one map, whole positions of" if self.length is None else str(self.length)
            raise ValueError(f"a picture has {wanted} ids, got a tensor of the shape {tuple(ids.shape)}")
        return [tuple(side for side in grid if side is not None) for grid in self.grids]

    def _first_ids(self) -> Int64[Tensor, "m n"]:
        """Of each map and slot."""
        slots = torch.arange(len(self.grids) * self.codes_per_position).view(-1, self.codes_per_position)
        return self.id_offset + slots * self.codebook_size

    def require_maps(self, codes: Sequence[Tensor]) -> int:
        """How many pictures there are; ValueError on maps that are not of this kind."""
        shapes = [tuple(of.shape[1:]) for of in codes]
        wanted = [(self.codes_per_position, *grid) for grid in self.grids]
        fits = len(shapes) == len(wanted) and all(map(_fits, shapes, wanted))
        if not fits or len({len(of) for of in codes}) != 1:
            raise ValueError(f"expected code maps of the shapes {wanted} for each picture, got {shapes}")
        require_range(codes, self.codebook_size)
        return len(codes[0])


def positions(grid: Sequence[Side]) -> int | None:
    """Positions of a map; None where every signal has its own number."""
    sides = [side for side in grid if side is not None]
    return math.prod(sides) if len(sides) == len(grid) else None


def _fits(shape: tuple[int, ...], wanted: tuple[Side, ...]) -> bool:
    return len(shape) == len(wanted) and all(side in (None, length) for length, side in zip(shape, wanted, strict=True))


def require_range(codes: Sequence[Int[Tensor, "_b _n ..."]], codebook_size: int) -> None:
    """ValueError unless all codes are integers in [0, codebook_size)."""
    for of in codes:
        if of.is_floating_point() or of.dtype == torch.bool:
            raise ValueError(f"codes must be integers, got {of.dtype}")
        if of.numel() and not (of.min() >= 0 and of.max() < codebook_size):
            raise ValueError(
                f"codes must lie in [0, {codebook_size}), got some from {int(of.min())} to {int(of.max())}"
            )


def integers(values: Tensor | Sequence[int], what: str) -> Int64[Tensor, " b"]:
    """The values as a tensor. ValueError where they are no integers: nothing is rounded."""
    found = torch.as_tensor(values)
    if len(found) and (found.is_floating_point() or found.is_complex() or found.dtype == torch.bool):
        raise ValueError(f"{what} must be integers, got {found.dtype}")
    return found.to("cpu", torch.int64)
