"""The grid of `fsq`: what bounds a channel, and where its levels lie."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Float64, Num
from torch import Tensor

from quantizers.channels import side_by_side

MARGIN = 1e-3
"""The paper's eps: the bounded range reaches a little past the outermost levels."""


def grid_of(levels: Sequence[int]) -> Float64[Tensor, "5 d"]:
    """The constants of each channel: shift, scale and centre of its bounding; half its width in levels, rounded down;
    its largest digit."""
    count = torch.tensor(levels, dtype=torch.float64)
    half_width = count // 2
    half_range = (count - 1) * (1 + MARGIN) / 2
    offset = torch.where(count % 2 == 0, 0.5, 0.0).double()
    shift, scale, centre = torch.atanh(offset / half_range), half_range / half_width, -offset / half_width
    return torch.stack([shift, scale, centre, half_width, count - 1])


def bound_rows(rows: Float[Tensor, "n d"], grid: Float[Tensor, "5 d"], slope: float) -> Float[Tensor, "n d"]:
    """centre + scale tanh(shift + slope z): little more than [-1, 1]."""
    lines, shift, scale, centre = side_by_side(rows, *grid[:3].unbind())
    return torch.addcmul(centre, torch.tanh(torch.add(shift, lines, alpha=slope)), scale).view_as(rows)


def nearest_digits(rows: Float[Tensor, "n d"], grid: Float[Tensor, "5 d"]) -> Float[Tensor, "n d"]:
    """The numbers, counted from 0, of the levels nearest to bounded rows."""
    lines, half_width, largest = side_by_side(rows, *grid[3:].unbind())
    digits = torch.addcmul(half_width, lines, half_width).round_().clamp_(min=0).minimum(largest)
    return digits.view_as(rows)


def values_of_digits(digits: Num[Tensor, "n d"], grid: Float[Tensor, "5 d"]) -> Float[Tensor, "n d"]:
    """What the levels of these numbers stand for, in [-1, 1]."""
    lines, half_width = side_by_side(digits, grid[3])
    return ((lines - half_width) / half_width).view_as(digits)
