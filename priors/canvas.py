"""Code maps larger than those of a prior, drawn position by position through a window that slides over them.

Esser et al. 2021, "Taming Transformers" (arXiv:2012.09841), section 3.3: each position is drawn from the prior's window
of codes around it, in the middle of which it stands but near the edges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Int64
from torch import Tensor

from priors.prior import Labels, OnStep, Prior, StopRequested
from priors.sampling import SamplingStopped
from priors.settings import Sampling


def draw_canvas(
    prior: Prior,
    grid: Sequence[int],
    count: int = 1,
    labels: Labels | None = None,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
    generator: torch.Generator | None = None,
    on_step: OnStep = lambda done, total: None,
    stop_requested: StopRequested = lambda: False,
) -> Int64[Tensor, "b n h w"]:
    """Code maps of new pictures that may be larger than those of the prior's layout; otherwise as `Prior.sample`.

    Args:
        grid: Height and width in codes, each at least the window's.
        on_step: Told after each position how many are done, of how many.

    Raises:
        ValueError: A prior of other than one map of codes in rows and columns, a grid that its window does not fit
            into, or arguments as of `Prior.sample`.
        SamplingStopped: `stop_requested` said so.
    """
    layout = prior.layout
    if len(layout.grids) != 1 or len(layout.grids[0]) != 2 or layout.delay:
        raise ValueError(
            "a canvas needs a prior of one map of codes in rows and columns, one position after the other, got maps of "
            f"{layout.grids}{', delayed' if layout.delay else ''}."
        )
    (window,) = layout.grids
    if len(grid) != 2 or any(side < least for side, least in zip(grid, window, strict=True)):
        raise ValueError(f"the canvas must have at least the window's {window} codes, got {tuple(grid)}.")
    height, width = grid
    device = next(prior.parameters()).device
    tokens = torch.zeros(count, height, width, layout.depth, dtype=torch.int64, device=device)
    for row in range(height):
        top = _start(row, window[0], height)
        for column in range(width):
            if stop_requested():
                raise SamplingStopped(f"stopped after {row * width + column} of {height * width} positions")
            left = _start(column, window[1], width)
            known = (row - top) * window[1] + column - left  # all before it in the window are before it on the canvas
            seen = tokens[:, top : top + window[0], left : left + window[1]].flatten(1, 2)[:, :known]
            drawn = prior.sample(count, labels, sampling, generator, given=seen, positions=known + 1)
            tokens[:, row, column] = drawn[:, known]
            on_step(row * width + column + 1, height * width)
    (codes,) = replace(layout, grids=((height, width),)).to_codes(tokens.flatten(1, 2))
    return codes


def _start(place: int, window: int, side: int) -> int:
    """Where the window begins that has a place in its middle, or as near to it as the edges let it."""
    return min(max(place - window // 2, 0), side - window)
