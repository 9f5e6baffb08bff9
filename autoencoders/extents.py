"""Signals of any extent: padded to what a tokenizer takes, in tiles where they are large, and cut back.

Large films go through a causal tokenizer chunk by chunk in time instead. Which tiles or chunks depends on the extent
alone, so that codes made here are decoded as they were made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeGuard

import torch
from einops import rearrange
from jaxtyping import Float, Int64
from torch import Tensor

from autoencoders.streaming import StreamingTokenizer
from autoencoders.tiling import decode_tiled, encode_tiled
from autoencoders.tokenizer import Tokenizer, TokenizerOutput
from quantizers.modes import evaluating

LARGEST_WHOLE = 2**20
"""Samples of a channel; a larger signal is taken in tiles or chunks."""
TILE, OVERLAP = 512, 64
"""Sides in samples, at least: they are multiples of the strides."""
LONG_TILE, LONG_OVERLAP = 2**19, 2**14
"""The same of signals with one axis: at 16 kHz half a minute, and a second. What a code of sound sees is long, and what
a tile holds is little."""


@torch.no_grad()
def encode_any(tokenizer: Tokenizer, signal: Float[Tensor, "_b c *extent"]) -> list[Int64[Tensor, "b _n ..."]]:
    """The code maps of signals, in eval mode: beyond their end they go on as they ended.

    A tokenizer that takes only one extent gets tiles of that, which are then the batch of the code maps.
    """
    signal = extended(tokenizer, signal)
    with evaluating(tokenizer):
        if tokenizer.only_extent is not None:
            parts = _split(signal, tokenizer.only_extent)
            codes = [tokenizer.encode(part) for part in parts.split(_at_once(tokenizer.only_extent))]
            return [torch.cat(of_map) for of_map in zip(*codes, strict=True)]
        if not _is_large(tokenizer, signal.shape[2:]):
            return tokenizer.encode(signal)
        if any(tokenizer.lead):
            return _encode_chunks(tokenizer, signal)
    return encode_tiled(tokenizer, signal, *_tile(tokenizer))


@torch.no_grad()
def decode_any(
    tokenizer: Tokenizer, codes: Sequence[Int64[Tensor, "b _n ..."]], extent: Sequence[int]
) -> Float[Tensor, "_b c *extent"]:
    """The signals of that extent from what `encode_any` gave; not clamped."""
    padded = _grid_extent(tokenizer, extent)
    with evaluating(tokenizer):
        if tokenizer.only_extent is not None:
            unit = tokenizer.only_extent
            batches = zip(*(found.split(_at_once(unit)) for found in codes), strict=True)
            parts = torch.cat([tokenizer.decode(batch) for batch in batches])
            signal = _join(parts, [length // step for length, step in zip(padded, unit, strict=True)])
        elif not _is_large(tokenizer, padded):
            signal = tokenizer.decode(codes)
        elif any(tokenizer.lead):
            signal = _decode_chunks(tokenizer, codes, padded)
        else:
            signal = decode_tiled(tokenizer, codes, padded, *_tile(tokenizer))
    return signal[tuple(map(slice, (*signal.shape[:2], *extent)))]


@torch.no_grad()
def reconstruct_any(
    tokenizer: Tokenizer, signal: Float[Tensor, "b c *extent"]
) -> tuple[Float[Tensor, "b c *extent"], list[Int64[Tensor, "b _n ..."]]]:
    """What a tokenizer in eval mode makes of signals, not clamped, and their code maps: by itself where it can take
    them whole, or else as `encode_any` and `decode_any` do. ValueError where it takes only another extent."""
    extent = tuple(signal.shape[2:])
    in_parts = _grid_extent(tokenizer, extent) != [*extent] or _is_large(tokenizer, extent)
    if in_parts and tokenizer.only_extent is None:
        codes = encode_any(tokenizer, signal)
        return decode_any(tokenizer, codes, extent), codes
    output: TokenizerOutput = tokenizer(signal)
    return output.reconstruction, output.codes


@torch.no_grad()
def code_shapes(tokenizer: Tokenizer, extent: Sequence[int]) -> tuple[int, list[tuple[int, ...]]]:
    """Of the code maps that `encode_any` gives: the batch, and the sides of each map."""
    unit, lead = tokenizer.only_extent or tokenizer.strides, tokenizer.lead
    whole = _grid_extent(tokenizer, extent)
    counts = [(length - first) // step for length, first, step in zip(whole, lead, unit, strict=True)]
    least = [first + step for first, step in zip(lead, unit, strict=True)]
    device = next((tensor.device for tensor in tokenizer.state_dict().values()), None)
    with evaluating(tokenizer):
        cells = tokenizer.encode(torch.zeros(1, tokenizer.channels, *least, dtype=tokenizer.dtype, device=device))
    if tokenizer.only_extent is not None:
        return math.prod(counts), [tuple(cell.shape[2:]) for cell in cells]
    ahead = [int(first > 0) for first in lead]
    return 1, [
        tuple(own + (side - own) * count for own, side, count in zip(ahead, cell.shape[2:], counts, strict=True))
        for cell in cells
    ]


def extended(
    tokenizer: Tokenizer, signal: Float[Tensor, "b c *extent"], lead: tuple[int, ...] | None = None
) -> Float[Tensor, "b c *padded"]:
    """A signal that goes on as it ended, up to the next extent that the tokenizer takes (or tiles of it fill).

    Args:
        lead: The tokenizer's, unless it is given: of what is no signal's beginning it is none.
    """
    for axis, wanted in enumerate(_grid_extent(tokenizer, signal.shape[2:], lead), 2):
        places = torch.arange(wanted, device=signal.device).clamp_max(signal.shape[axis] - 1)
        signal = signal.index_select(axis, places)
    return signal


def streams(tokenizer: Tokenizer) -> TypeGuard[StreamingTokenizer]:
    """Whether a tokenizer takes signals chunk by chunk, with a state from one to the next."""
    return isinstance(tokenizer, StreamingTokenizer) and tokenizer.not_streaming is None and _is_positionwise(tokenizer)


def _is_positionwise(tokenizer: Tokenizer) -> bool:
    return all(quantizer.is_positionwise for quantizer in tokenizer.quantizers)


def _grid_extent(tokenizer: Tokenizer, extent: Sequence[int], lead: tuple[int, ...] | None = None) -> list[int]:
    unit = tokenizer.only_extent or tokenizer.strides
    axes = zip(extent, tokenizer.lead if lead is None else lead, unit, strict=True)
    return [first - (first - length) // step * step for length, first, step in axes]


def _is_large(tokenizer: Tokenizer, extent: Sequence[int]) -> bool:
    """Whether a signal is taken in parts. Codes that depend on the whole of it have none, and what begins with a lead
    has them in time alone, where it streams."""
    has_parts = streams(tokenizer) if any(tokenizer.lead) else _is_positionwise(tokenizer)
    return math.prod(extent) > LARGEST_WHOLE and has_parts


def _encode_chunks(tokenizer: Tokenizer, signal: Float[Tensor, "b c *extent"]) -> list[Int64[Tensor, "b n ..."]]:
    assert isinstance(tokenizer, StreamingTokenizer)
    state, found = tokenizer.encoder_state(), []
    sizes = [count * tokenizer.strides[0] for count in _chunks(tokenizer, signal.shape[2:])]
    sizes[0] += tokenizer.lead[0]
    for chunk in signal.split(sizes, 2):
        codes, state = tokenizer.encode_chunk(chunk, state)
        found.append(codes)
    return [torch.cat(of_map, 2) for of_map in zip(*found, strict=True)]


def _decode_chunks(
    tokenizer: Tokenizer, codes: Sequence[Int64[Tensor, "b n ..."]], extent: Sequence[int]
) -> Float[Tensor, "b c *extent"]:
    assert isinstance(tokenizer, StreamingTokenizer)
    state, found = tokenizer.decoder_state(), []
    first, *others = _chunks(tokenizer, extent)
    for chunk in codes[0].split([1 + first, *others], 2):
        part, state = tokenizer.decode_chunk([chunk], state)
        found.append(part)
    return torch.cat(found, 2)


def _chunks(tokenizer: Tokenizer, extent: Sequence[int]) -> list[int]:
    """Strides of the first axis, beyond the lead, in each chunk."""
    stride = tokenizer.strides[0]
    count = (extent[0] - tokenizer.lead[0]) // stride
    at_once = strides_at_once(tokenizer, extent[1:])
    return [min(at_once, count - start) for start in range(0, max(1, count), at_once)]


def strides_at_once(tokenizer: Tokenizer, sides: Sequence[int]) -> int:
    """Strides of the first axis in a chunk of that extent along the others: as many as `LARGEST_WHOLE` holds, but at
    least one."""
    return max(1, LARGEST_WHOLE // (tokenizer.strides[0] * math.prod(sides)))


def _tile(tokenizer: Tokenizer) -> tuple[int, int]:
    stride = math.lcm(*tokenizer.strides)
    tile, overlap = (LONG_TILE, LONG_OVERLAP) if len(tokenizer.strides) == 1 else (TILE, OVERLAP)
    return -(-tile // stride) * stride, -(-overlap // stride) * stride


def _at_once(unit: Sequence[int]) -> int:
    return max(1, LARGEST_WHOLE // math.prod(unit))


def _split(signal: Float[Tensor, "_b c *extent"], unit: Sequence[int]) -> Float[Tensor, "b c *unit"]:
    """Tiles in raster order."""
    whole, tiles = _patterns(len(unit))
    return rearrange(signal, f"{whole} -> {tiles}", **{f"u{axis}": step for axis, step in enumerate(unit)})


def _join(parts: Float[Tensor, "b c *unit"], counts: Sequence[int]) -> Float[Tensor, "_b c *extent"]:
    whole, tiles = _patterns(len(counts))
    return rearrange(parts, f"{tiles} -> {whole}", **{f"n{axis}": count for axis, count in enumerate(counts)})


def _patterns(axes: int) -> tuple[str, str]:
    """Of a signal and of its tiles, as `rearrange` has them: n0, n1, … tiles along the axes, of sides u0, u1, …"""
    counts, sides = ([f"{letter}{axis}" for axis in range(axes)] for letter in "nu")
    pairs = (f"({count} {side})" for count, side in zip(counts, sides, strict=True))
    return f"b c {' '.join(pairs)}", f"(b {' '.join(counts)}) c {' '.join(sides)}"
