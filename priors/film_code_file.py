"""A film's codes in a file, part after part, so that neither writing nor reading needs more than one of them at once.

The file is that of `code_file`. After the film's extent (frames, height, width) its head has the frames of a part, and
the frames per second as a numerator and a denominator. The range coder's bits are, of each part in its order, the
codes, then 16 bits of their SHA-256.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from autoencoders.film_parts import Codes, FilmParts
from priors.code_file import DAMAGED, OTHERWISE, CodeFileError, SealedFiles, check, require_extent
from priors.entropy_coding import BitsError, Reader, Writer

LARGEST_FILM = 2**40
"""Samples of a channel that a file may hold: HD for five hours."""

LARGEST_TERM = 2**31 - 1
"""Of a rate, as films' containers have them."""


class FilmHead(NamedTuple):
    """What a file says of its film.

    Attributes:
        extent: frames, height and width.
        part: frames of a part, as `FilmParts` has them.
        rate: frames per second.
    """

    extent: tuple[int, int, int]
    part: int
    rate: Fraction


class FilmCodeFiles(SealedFiles):
    """Writes and reads files of films' codes under one tokenizer and one model of its codes."""

    def write(self, head: FilmHead, codes: Iterable[Codes]) -> bytes:
        """The file of a film's codes.

        Args:
            codes: the code maps of each part; not taken before the head is found good.

        Raises:
            ValueError: a film that is too large, or has no such parts.
        """
        parts = self._parts(head)
        writer = Writer()
        for of_part, (batch, grids) in zip(codes, parts.shapes, strict=True):
            self.model.code(writer, of_part, self.tokenizer.quantizers, batch, grids)
            writer.uniform(np.array([check(of_part)]), 1, 2**16)
        terms = head.rate.numerator, head.rate.denominator
        return self.seal((*head.extent, head.part, *terms), 0, writer.to_bytes())

    def read(self, data: bytes) -> tuple[FilmHead, Iterator[Codes]]:
        """The head and the code maps of each part, which are read as they are asked for.

        Raises:
            CodeFileError: the bytes are none of this tokenizer and model, or not whole; while parts are read, where
                codes come out otherwise than they went in.
        """
        (frames, height, width, part, numerator, denominator), _, payload = self.unseal(data, 6)
        if not (0 < numerator <= LARGEST_TERM and 0 < denominator <= LARGEST_TERM):
            raise CodeFileError(DAMAGED)
        head = FilmHead((frames, height, width), part, Fraction(numerator, denominator))
        return head, self._codes(self._parts(head), payload)

    def _codes(self, parts: FilmParts, payload: bytes) -> Iterator[Codes]:
        reader = Reader(payload)
        for batch, grids in parts.shapes:
            try:
                codes = self.model.code(reader, None, self.tokenizer.quantizers, batch, grids)
                same = reader.uniform(None, 1, 2**16)[0] == check(codes)
            except BitsError:
                same = False
            if not same:
                raise CodeFileError(OTHERWISE)
            yield codes

    def _parts(self, head: FilmHead) -> FilmParts:
        """CodeFileError for a film that no file holds, of which a part or the whole is too large."""
        if not 0 < math.prod(head.extent) <= LARGEST_FILM:
            words = " × ".join(map(str, head.extent))
            raise CodeFileError(f"a film of {words} samples, where {LARGEST_FILM:,} are the most")
        try:
            parts = FilmParts(self.tokenizer, head.extent, head.part)
        except ValueError as error:
            raise CodeFileError(DAMAGED) from error
        require_extent((min(head.part, head.extent[0]), *head.extent[1:]))
        return parts
