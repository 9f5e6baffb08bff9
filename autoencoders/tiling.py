"""Signals of any size, a tile at a time: memory is that of one tile."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from autoencoders.tokenizer import Tokenizer
from quantizers.modes import evaluating
from quantizers.options import check_integer

Slices = tuple[slice, ...]

_ALL = (slice(None), slice(None))


@torch.no_grad()
def encode_tiled(
    tokenizer: Tokenizer, signal: Float[Tensor, "b c *extent"], tile: int, overlap: int
) -> list[Int64[Tensor, "b _n ..."]]:
    """The code maps of a signal, as `encode` gives them, in eval mode and without gradients.

    Each tile is encoded with as much of its neighbourhood as the overlap, whose codes are dropped. They are those of
    the whole signal where the overlap is as wide as what a code sees (up to ties that rounding decides), and those of
    the tiles where a network looks at everything, as transformers do.

    Args:
        tile: side, a multiple of the strides.
        overlap: on each side, likewise; 0 for none.

    Raises:
        ValueError: sizes off the strides' grid, or a tokenizer whose codes have no places, are not of places alone, or
            lie off the grid by a lead.
    """
    if tokenizer.only_extent is not None or not all(quantizer.is_positionwise for quantizer in tokenizer.quantizers):
        raise ValueError("tiles need a tokenizer each of whose codes belongs to a place; encode the whole signal.")
    _check(tokenizer, tile, overlap)

    def encode(places: Slices) -> list[Tensor]:
        return tokenizer.encode(signal[_ALL + places])

    with evaluating(tokenizer):
        return _assemble(encode, tuple(signal.shape[2:]), tile, overlap)


@torch.no_grad()
def decode_tiled(
    tokenizer: Tokenizer, codes: Sequence[Int64[Tensor, "b _n ..."]], extent: Sequence[int], tile: int, overlap: int
) -> Float[Tensor, "b c *extent"]:
    """The signal of code maps, as `decode` gives it; sizes and errors as in `encode_tiled`.

    Where tiles meet, one fades into the other over the inner half of the overlap (or the width of a tile, if that is
    less): what each makes there has seen the outer half. It is the whole signal's where that half is as wide as what a
    sample sees. Where a network looks at everything (GroupNorm, attention) neighbours may differ in tone: no edge
    is left, but a gradual change.

    Args:
        extent: of the signal.
    """
    _check(tokenizer, tile, overlap)
    signal: Tensor | None = None
    with evaluating(tokenizer):
        for own, around in _tiles(extent, tile, overlap):
            part = tokenizer.decode([found[_ALL + _scaled(around, extent, found.shape[2:])] for found in codes])
            for axis, (mine, all_) in enumerate(zip(own, around, strict=True)):
                weights = _fade(mine, all_, min(overlap, tile)).to(part)
                part = part * weights.view(-1, *[1] * (len(own) - 1 - axis))
            if signal is None:
                signal = part.new_zeros(*part.shape[:2], *extent)
            signal[_ALL + around] += part
    assert signal is not None  # an extent without a sample is no signal's
    return signal


def _check(tokenizer: Tokenizer, tile: int, overlap: int) -> None:
    if any(tokenizer.lead):
        raise ValueError("tiles need a tokenizer without a lead; encode the whole signal, or stream it.")
    for name, size, least in (("tile", tile, 1), ("overlap", overlap, 0)):
        check_integer(name, size, least)
        if size % math.lcm(*tokenizer.strides):
            raise ValueError(f"{name} must be a multiple of the strides {tokenizer.strides}, got {size}.")


def _assemble(
    compute: Callable[[Slices], list[Tensor]], extent: Sequence[int], tile: int, overlap: int
) -> list[Tensor]:
    """Tensors over the whole extent, each at its own scale, from what is computed of overlapping tiles."""
    wholes: list[Tensor] = []
    for own, around in _tiles(extent, tile, overlap):
        parts = compute(around)
        sizes = [place.stop - place.start for place in around]
        if not wholes:
            for part in parts:
                grid = [of * whole // size for of, whole, size in zip(part.shape[2:], extent, sizes, strict=True)]
                wholes.append(part.new_empty(*part.shape[:2], *grid))
        inner = tuple(
            slice(mine.start - all_.start, mine.stop - all_.start) for mine, all_ in zip(own, around, strict=True)
        )
        for whole, part in zip(wholes, parts, strict=True):
            kept = part[_ALL + _scaled(inner, sizes, part.shape[2:])]
            whole[_ALL + _scaled(own, extent, whole.shape[2:])] = kept
    return wholes


def _fade(own: slice, around: slice, width: int) -> Float[Tensor, " n"]:
    """How much each sample of a tile with its neighbourhood counts: all of those within, and in so many around each of
    its ends that has a neighbour less and less. Of two neighbours it is 1 together."""
    places, width = torch.arange(around.start, around.stop) + 0.5, max(width, 1)
    weights = torch.ones(len(places))
    if around.start < own.start:
        weights *= ((places - own.start) / width + 0.5).clamp(0, 1)
    if own.stop < around.stop:
        weights *= ((own.stop - places) / width + 0.5).clamp(0, 1)
    return weights


def _tiles(extent: Sequence[int], tile: int, overlap: int) -> Iterator[tuple[Slices, Slices]]:
    """Each tile, and the tile with its neighbourhood."""
    for corner in product(*(range(0, length, tile) for length in extent)):
        ends = [min(start + tile, length) for start, length in zip(corner, extent, strict=True)]
        around = zip(corner, ends, extent, strict=True)
        yield (
            tuple(slice(start, stop) for start, stop in zip(corner, ends, strict=True)),
            tuple(slice(max(start - overlap, 0), min(stop + overlap, length)) for start, stop, length in around),
        )


def _scaled(places: Slices, extent: Sequence[int], grid: Sequence[int]) -> Slices:
    """The same places on a coarser grid of the same whole."""
    return tuple(
        slice(place.start * side // length, place.stop * side // length)
        for place, length, side in zip(places, extent, grid, strict=True)
    )
