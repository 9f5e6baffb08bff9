"""Codes as bits and back, under any distribution over them.

The coder is constriction's range coder: kept, fast for whole arrays, exact tables from whole numbers, and the same
bits on every machine, as it is compiled code without fast-math. torchac decodes wrongly at 65,536 symbols, and
constriction's other coder, an ANS, is a stack: what a prior decodes first would have to be encoded last. A coder's bits
say nothing of their length and decode into something whatever they are, so `picture_codec` adds both.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import constriction
import numpy as np
from jaxtyping import Float, Int64

from priors.layout import root

WORD = 32
"""Bits that constriction writes at a time."""

DIGIT = 2**16
"""Values of a symbol of a uniform distribution; larger ones are several. constriction takes up to 2^24."""

_FAMILY = constriction.stream.model.Categorical(perfect=False)


class Coder(ABC):
    """A writer or a reader of symbols, so that what is written and what is read are the same lines of a program.

    A writer takes symbols and returns them. A reader returns them, and takes None or anything in their place.
    """

    writes: ClassVar[bool]

    def uniform(self, symbols: Int64[np.ndarray, " n"] | None, count: int, size: int) -> Int64[np.ndarray, " n"]:
        """So many symbols in [0, size), all equally likely."""
        if size <= 1:
            return np.zeros(count, np.int64)
        if size <= DIGIT:
            return self._code(symbols, count, constriction.stream.model.Uniform(size))
        digits = math.ceil(math.log2(size) / math.log2(DIGIT))
        base = root(size, digits)
        found = np.zeros(count, np.int64)
        for place in reversed(range(digits)):
            digit = None if symbols is None else symbols // base**place % base
            found = found * base + self._code(digit, count, constriction.stream.model.Uniform(base))
        return found

    def alike(
        self, symbols: Int64[np.ndarray, " n"] | None, count: int, weights: Float[np.ndarray, " v"]
    ) -> Int64[np.ndarray, " n"]:
        """So many symbols from one distribution: whole numbers in proportion to the probabilities."""
        return self._code(symbols, count, constriction.stream.model.Categorical(weights, perfect=False))

    def each(
        self, symbols: Int64[np.ndarray, " n"] | None, weights: Float[np.ndarray, "n v"]
    ) -> Int64[np.ndarray, " n"]:
        """A symbol from each of n distributions, likewise; symbols whose weight is 0 must not occur."""
        return self._code(symbols, len(weights), _FAMILY, np.ascontiguousarray(weights))

    @abstractmethod
    def _code(
        self, symbols: Int64[np.ndarray, " n"] | None, count: int, model: object, *weights: np.ndarray
    ) -> Int64[np.ndarray, " n"]:
        """`count` symbols, under a model and what it wants of each."""


class Writer(Coder):
    """From symbols to bytes."""

    writes = True

    def __init__(self) -> None:
        self._encoder = constriction.stream.queue.RangeEncoder()

    def _code(self, symbols: np.ndarray | None, count: int, model: object, *weights: np.ndarray) -> np.ndarray:
        assert symbols is not None
        if count:
            self._encoder.encode(symbols.astype(np.int32), model, *weights)
        return symbols

    def to_bytes(self) -> bytes:
        """All that was written, in as few bytes as tell it from everything else; zeros at the end are left out.

        constriction ends with whole words. The interval that it has arrived at often holds a number with fewer digits.
        """
        words, (lower, width) = self._encoder.pos()
        written = self._encoder.get_compressed().astype(">u4").tobytes()
        length = (words + 2) * WORD // 8
        number = int.from_bytes(written.ljust(length, b"\0"), "big")
        least = (number - lower >> 2 * WORD << 2 * WORD) + lower  # the interval is [least, least + width)
        for free in range(2 * WORD, -1, -8):
            shortest = -(-least >> free) << free
            if shortest < least + width:
                break
        return shortest.to_bytes(length, "big").rstrip(b"\0")


class BitsError(ValueError):
    """Bits that were written under another distribution, or by nobody."""


class Reader(Coder):
    """From bytes to symbols. Bytes past the end are zeros. BitsError where there are no such symbols."""

    writes = False

    def __init__(self, data: bytes) -> None:
        words = np.frombuffer(data + b"\0" * (-len(data) % (WORD // 8)), ">u4")
        self._decoder = constriction.stream.queue.RangeDecoder(words.astype(np.uint32))

    def _code(self, symbols: np.ndarray | None, count: int, model: object, *weights: np.ndarray) -> np.ndarray:
        if not count:
            return np.zeros(0, np.int64)
        try:
            decoded = self._decoder.decode(model, *(weights or (count,)))
        except AssertionError as error:
            raise BitsError("bits that no symbols give under this distribution") from error
        return np.asarray(decoded).astype(np.int64)
