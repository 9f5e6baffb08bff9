"""Films of any length through a tokenizer in bounded memory, part after part.

Where the tokenizer streams, its state goes from each part to the next, so that the codes are those of the whole film
but for rounding. Where it does not, each part is a film by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain, repeat

from jaxtyping import Float, Int64
from torch import Tensor

from autoencoders.extents import code_shapes, decode_any, encode_any, extended, streams, strides_at_once
from autoencoders.tokenizer import Tokenizer

Part = Float[Tensor, "1 c _t h w"]
Codes = list[Int64[Tensor, "_b _n ..."]]
"""The code maps of a part."""

Shapes = tuple[int, list[tuple[int, ...]]]
"""Of the code maps of a part: the batch, and the sides of each map."""


def part_length(tokenizer: Tokenizer, sides: Sequence[int], clip_frames: int) -> int:
    """Frames of a part: as many as `encode_any` takes at once of a film of these sides, where the tokenizer streams.

    Args:
        sides: Height and width of the film.
        clip_frames: Of parts that are films by themselves: the length that the tokenizer was made for. They have the
            next on its grid.
    """
    stride, lead = tokenizer.strides[0], tokenizer.lead[0]
    if streams(tokenizer):
        return stride * strides_at_once(tokenizer, sides)
    return lead + -(-(clip_frames - lead) // stride) * stride


class FilmParts:
    """The parts of a film, and what a tokenizer makes of them.

    Args:
        tokenizer: Of films.
        extent: Of the film: frames, height and width.
        length: Frames of a part. In a stream the first has the tokenizer's lead on top; the last has what is left.

    Raises:
        ValueError: a length that is not positive, or no multiple of a streaming tokenizer's stride in time.
    """

    def __init__(self, tokenizer: Tokenizer, extent: tuple[int, int, int], length: int) -> None:
        self.tokenizer, self.extent = tokenizer, extent
        self.lead = tokenizer.lead[0] if streams(tokenizer) else 0
        stride = tokenizer.strides[0] if streams(tokenizer) else 1
        if length < 1 or length % stride:
            raise ValueError(f"the length of a part must be a positive multiple of {stride} frames, got {length}.")
        self.length = length

    @property
    def lengths(self) -> Iterator[int]:
        """Frames of each part."""
        left = self.extent[0]
        for most in chain([self.lead + self.length], repeat(self.length)):
            if left <= 0:
                return
            yield min(most, left)
            left -= most

    def encode(self, parts: Iterable[Part]) -> Iterator[Codes]:
        """The code maps of each part, in eval mode. Beyond its end a film goes on as it ended, and so does a part that
        is one by itself.

        Args:
            parts: As long as `lengths`, on the tokenizer's device and in its precision.
        """
        if not streams(self.tokenizer):
            yield from (encode_any(self.tokenizer, part) for part in parts)
            return
        state, lead = self.tokenizer.encoder_state(), None
        for part in parts:
            codes, state = self.tokenizer.encode_chunk(extended(self.tokenizer, part, lead), state)
            yield codes
            lead = (0, 0, 0)

    def decode(self, codes: Iterable[Codes]) -> Iterator[Part]:
        """The parts from what `encode` gave; not clamped."""
        if not streams(self.tokenizer):
            for frames, of_part in zip(self.lengths, codes, strict=True):
                yield decode_any(self.tokenizer, of_part, (frames, *self.extent[1:]))
            return
        state = self.tokenizer.decoder_state()
        _, height, width = self.extent
        for frames, of_part in zip(self.lengths, codes, strict=True):
            part, state = self.tokenizer.decode_chunk(of_part, state)
            yield part[:, :, :frames, :height, :width]

    @property
    def shapes(self) -> Iterator[Shapes]:
        """Of the code maps of each part."""
        lengths = self.lengths
        yield self._shapes(next(lengths))
        for frames in lengths:
            yield self._later if frames == self.length else self._shapes_later(frames)

    @cached_property
    def _later(self) -> Shapes:
        return self._shapes_later(self.length)

    def _shapes_later(self, frames: int) -> Shapes:
        """Of a part behind the first: without the position of the lead."""
        batch, grids = self._shapes(self.lead + frames)
        return batch, [(grid[0] - int(self.lead > 0), *grid[1:]) for grid in grids]

    def _shapes(self, frames: int) -> Shapes:
        return code_shapes(self.tokenizer, (frames, *self.extent[1:]))
