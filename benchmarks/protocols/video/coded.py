"""Clips and what became of them, one after the other: through a tokenizer, or through a codec's file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import torch
from einops import rearrange
from jaxtyping import UInt8
from torch import Tensor

from autoencoders import Tokenizer
from autoencoders.extents import extended
from benchmarks.metrics.pictures import to_uint8, to_unit_range
from benchmarks.protocols.signals import Coded, CodedFile

Places = Iterable[tuple[int, UInt8[Tensor, "3 _t _h _w"]]]
"""Places in the test set, and the clips there."""


class FilmCoder(Protocol):
    """From a clip to a file and back; `decode` gives a clip as large as the one that went in."""

    def encode(self, clip: UInt8[Tensor, "3 t h w"], frames_per_second: float) -> CodedFile: ...

    def decode(self, data: bytes, extent: tuple[int, int, int]) -> UInt8[Tensor, "3 t h w"]: ...


def through_tokenizer(tokenizer: Tokenizer, clips: Places, device: torch.device) -> Iterator[Coded]:
    """Each clip alone, so that no number depends on a batch: it goes on as it ends, in time and beyond the edges, up to
    the next extent that the tokenizer takes, and is cut again. The reconstruction is rounded to 8 bits.

    Raises:
        ValueError: tokenizer in training mode, or a reconstruction that is not finite.
    """
    if tokenizer.training:
        raise ValueError("evaluate() needs the tokenizer in eval mode: call tokenizer.eval() first")
    for place, original in clips:
        signal = extended(tokenizer, to_unit_range(rearrange(original, "c t h w -> t c h w")).movedim(0, 1)[None])
        output = tokenizer(signal.to(device))
        _, frames, height, width = original.shape
        cut = output.reconstruction[0, :, :frames, :height, :width]
        reconstruction = to_uint8(cut.movedim(1, 0)).movedim(0, 1).cpu()
        yield Coded(place, original, reconstruction, output.codes)


def through_codec(codec: FilmCoder, clips: Places, frames_per_second: float) -> Iterator[Coded]:
    """Each clip as a file and back."""
    for place, original in clips:
        file = codec.encode(original, frames_per_second)
        _, frames, height, width = original.shape
        reconstruction = codec.decode(file.data, (frames, height, width))
        yield Coded(place, original, reconstruction, [], file.stream_bytes, len(file.data))
