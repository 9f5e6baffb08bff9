"""A film as a file of codes, and back, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from autoencoders import Tokenizer
from autoencoders.film_parts import Codes, FilmParts, part_length
from benchmarks.data.films.sources import Frame
from benchmarks.data.films.whole import Film
from benchmarks.metrics.device import full_float32
from benchmarks.metrics.pictures import to_uint8, to_unit_range
from benchmarks.protocols.compression.tokenizer_codec import TokenizerCodec
from priors.code_models import CodeModel
from priors.film_code_file import FilmCodeFiles, FilmHead

Item = TypeVar("Item")


class FilmCodec(TokenizerCodec[Film]):
    """Films of any size, length and rate as bytes, by a tokenizer of RGB films.

    They go through in parts: in a stream where the tokenizer streams, else as clips by themselves. A film goes on
    as it ends, in time and beyond its right and lower edges, up to the tokenizer's strides, and is cut again. What
    cannot be read of one is raised while it is coded.

    Args:
        tokenizer: of films, in eval mode.
        model: of its codes.
        clip_frames: of clips by themselves: what the tokenizer was trained on.
    """

    def __init__(self, tokenizer: Tokenizer, model: CodeModel, clip_frames: int) -> None:
        super().__init__(tokenizer, model)
        self.files, self.clip_frames = FilmCodeFiles(tokenizer, model), clip_frames

    def encode(self, item: Film) -> bytes:
        """Its file. ValueError on what cannot be read or coded."""
        return self.files.write(self._head(item), self.codes(item))

    def codes(self, item: Film) -> Iterator[Codes]:
        """What its file holds, part after part."""
        parts = FilmParts(self.tokenizer, item.extent, self._head(item).part)
        return _in_full_float32(parts.encode(self._signals(parts, item)))

    def decode(self, data: bytes) -> Film:
        """What a file is of; its frames are decoded as they are asked for.

        Raises:
            CodeFileError: a file that is not of this codec, or not whole.
        """
        head, _ = self.files.read(data)
        return Film(head.extent, head.rate, lambda: self._frames(data))

    def _head(self, film: Film) -> FilmHead:
        return FilmHead(film.extent, part_length(self.tokenizer, film.extent[1:], self.clip_frames), film.rate)

    def _signals(self, parts: FilmParts, film: Film) -> Iterator[Float[Tensor, "1 3 t h w"]]:
        coming = film.frames()
        for length in parts.lengths:
            frames = torch.from_numpy(np.stack([*islice(coming, length)])).to(self.device)
            signal = to_unit_range(frames.movedim(3, 1)).movedim(1, 0)[None]
            yield signal.to(self.tokenizer.dtype)

    def _frames(self, data: bytes) -> Iterator[Frame]:
        head, codes = self.files.read(data)
        parts = FilmParts(self.tokenizer, head.extent, head.part)
        on_device = ([found.to(self.device) for found in of_part] for of_part in codes)
        for signal in _in_full_float32(parts.decode(on_device)):
            yield from to_uint8(signal[0].movedim(1, 0)).movedim(1, 3).cpu().numpy()


def _in_full_float32(items: Iterator[Item]) -> Iterator[Item]:
    """The items, each of which is made so."""
    while True:
        with full_float32():
            item = next(items, None)
        if item is None:
            return
        yield item
