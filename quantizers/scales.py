"""Maps of one grid at several scales: how many codes they hold, their sizes changed, and codes repeated and once."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.options import check_integer


def check_scales(scales: object) -> tuple[int, ...]:
    """Return `scales` as a tuple if they are ascending positive integers, else raise a `ValueError`."""
    if not isinstance(scales, Sequence) or not scales:
        raise ValueError(f"scales must be a sequence of at least one integer, got {scales!r}")
    checked = tuple(check_integer("every one of scales", scale, 1) for scale in scales)
    if any(left >= right for left, right in pairwise(scales)):
        raise ValueError(f"scales must be ascending, got {scales!r}")
    return checked


def nominal_density(scales: Sequence[int], count: int | None = None) -> float:
    """Codes per position of a square grid with two axes of side s_last, of the first `count` scales or of all."""
    return sum(scale**2 for scale in scales[:count]) / scales[-1] ** 2


def shrink(x: Float[Tensor, "b d *spatial"], sizes: Sequence[int]) -> Float[Tensor, "b d *p"]:
    """Each element of the smaller grid the mean of those that it covers, also in part ("area" interpolation)."""
    if 0 in sizes:  # torch interpolates no empty axis
        return x.new_zeros(*x.shape[:2], *sizes)
    return x if tuple(x.shape[2:]) == tuple(sizes) else F.interpolate(x, size=tuple(sizes), mode="area")


def enlarge(x: Float[Tensor, "b d *p"], sizes: Sequence[int]) -> Float[Tensor, "b d *spatial"]:
    """Bicubic interpolation, which is separable, so an axis at a time and for any number of them."""
    for axis, size in enumerate(sizes, 2):
        before, after = x.shape[:axis], x.shape[axis + 1 :]
        if x.shape[axis] != size:
            planes = x.reshape(before[0], math.prod(before[1:]), x.shape[axis], math.prod(after))
            x = F.interpolate(planes, size=(size, planes.shape[3]), mode="bicubic").reshape(*before, size, *after)
    return x


def once(codes: Int64[Tensor, " b *spatial"], sizes: Sequence[int]) -> Int64[Tensor, " b *p"]:
    """A map of codes from a grid where each is repeated: read where it first stands."""
    for axis, (size, length) in enumerate(zip(sizes, codes.shape[1:], strict=True), 1):
        firsts = torch.arange(size, device=codes.device) * length
        codes = codes.index_select(axis, (firsts + size - 1) // size if size else firsts)
    return codes


def repeated(codes: Int64[Tensor, " b *p"], spatial: Sequence[int]) -> Int64[Tensor, " b *spatial"]:
    """Every code of a map at all positions of its cell: the reverse of `once`."""
    for axis, (size, length) in enumerate(zip(codes.shape[1:], spatial, strict=True), 1):
        codes = codes.index_select(axis, torch.arange(length, device=codes.device) * size // max(length, 1))
    return codes
