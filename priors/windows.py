"""Code maps of any size as windows of the size that a prior knows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Int64
from torch import Tensor

from priors.layout import CodeLayout


class Windows:
    """Code maps of any size as windows of a layout's size, side by side.

    Attributes:
        shown: which position's code stands at each position of a window: its own, or beyond the edge that of the last
            position before it.

    Raises:
        ValueError: maps that the layout's windows do not fit.
    """

    shown: Int64[Tensor, "w p"]

    def __init__(self, layout: CodeLayout, batch: int, grids: Sequence[Sequence[int]]) -> None:
        self.layout, self.batch, self.grids = layout, batch, grids
        counts = {
            tuple(-(-side // size) for side, size in zip(grid, window, strict=True))
            for grid, window in zip(grids, layout.grids, strict=True)
        }
        if len(counts) > 1:
            raise ValueError(f"the prior's code maps are {layout.grids}; maps of {grids} are no windows of them.")
        (self.counts,) = counts
        shown, first = [], 0
        for grid, window in zip(grids, layout.grids, strict=True):
            places = torch.zeros(1, 1, dtype=torch.int64)
            for side, size, count in zip(grid, window, self.counts, strict=True):
                within = torch.arange(count * size).clamp_max(side - 1).view(count, size) % size
                places = (places[:, None, :, None] * size + within[None, :, None, :]).flatten(0, 1).flatten(1, 2)
            shown.append(places + first)
            first += math.prod(window)
        self.shown = torch.cat(shown, 1).repeat(batch, 1)

    def cut(self, codes: Sequence[Int64[Tensor, "b n ..."]]) -> list[Int64[Tensor, "w n ..."]]:
        """The windows of code maps, what lies beyond the edge being as at the edge."""
        cut = []
        for found, window in zip(codes, self.layout.grids, strict=True):
            for axis, (size, count) in enumerate(zip(window, self.counts, strict=True), 2):
                places = torch.arange(count * size, device=found.device).clamp_max(found.shape[axis] - 1)
                found = found.index_select(axis, places)
            sides = [side for pair in zip(self.counts, window, strict=True) for side in pair]
            axes = range(2, 2 + len(sides))
            apart = found.reshape(*found.shape[:2], *sides).permute(0, *axes[::2], 1, *axes[1::2])
            cut.append(apart.flatten(0, len(window)))
        return cut

    def join(self, windows: Sequence[Int64[Tensor, "w n ..."]]) -> list[Int64[Tensor, "b n ..."]]:
        """The code maps of windows."""
        joined = []
        for found, window, grid in zip(windows, self.layout.grids, self.grids, strict=True):
            apart = found.reshape(self.batch, *self.counts, *found.shape[1:])
            axes = len(window)
            pairs = zip(range(1, 1 + axes), range(2 + axes, 2 + 2 * axes), strict=True)
            whole = apart.permute(0, 1 + axes, *(axis for pair in pairs for axis in pair))
            sides = [count * size for count, size in zip(self.counts, window, strict=True)]
            whole = whole.reshape(self.batch, found.shape[1], *sides)
            joined.append(whole[tuple(map(slice, (*whole.shape[:2], *grid)))])
        return joined
