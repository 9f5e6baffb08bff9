"""A signal's codes in a file: as few bytes as an entropy coder needs, and what tells whether they can be read back.

    bytes
    2         the letters QZ
    1         version of this format (upper half), kind of the code model (2 bits), a mark of the caller's (2 bits)
    1 to 5    for each axis of the signal its length, 7 bits a byte, the lowest first
    1 to 5    of a signal in time, a sound, its rate in samples a second, likewise; pictures have none (of a film see
              `film_code_file`)
    2, 2      of the digests of tokenizer and code model
    4         CRC-32 of all other bytes and of both digests, whole
    the rest  the range coder's: the codes, then 16 bits of their SHA-256

So a file that was cut or altered, or made by other weights, is refused before anything is decoded. Codes that were
read back with other probabilities than they were written with, which should not be (see `fixed_point`), are refused
after it.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64
from torch import Tensor

from autoencoders import Tokenizer
from autoencoders.extents import code_shapes
from priors.code_models import CodeModel, CodePrior, FixedLength, Histogram
from priors.entropy_coding import BitsError, Coder, Reader, Writer
from priors.fingerprint import fingerprint

MAGIC = b"QZ"
VERSION = 1
KINDS: tuple[type[CodeModel], ...] = (FixedLength, Histogram, CodePrior)
WORDS = {FixedLength: "codes of a fixed length", Histogram: "a histogram of codes", CodePrior: "a prior"}
"""What the codes of a file are entropy-coded under."""

LARGEST = 2**28
"""Samples of a channel that a file may hold."""

DAMAGED = "cut or altered since it was written"
OTHERWISE = (
    "its codes come out otherwise than they went in: this machine computes other probabilities; decode it where it was "
    "made, and please report both machines"
)


class CodeFileError(ValueError):
    """Bytes that cannot be decoded; the message says why and what to do."""


class Signal(NamedTuple):
    """What a file holds.

    Attributes:
        codes: maps of codes, as `encode_any` gives them.
        extent: of the signal in samples.
        mark: what the caller wanted to be remembered, 0 to 3.
    """

    codes: Sequence[Int64[Tensor, "b n ..."]]
    extent: Sequence[int]
    mark: int = 0


def kind_of(data: bytes) -> type[CodeModel]:
    """What the codes of a file are coded under. CodeFileError on bytes that are none, or of another version."""
    if data[: len(MAGIC)] != MAGIC or len(data) <= len(MAGIC):
        raise CodeFileError("not a file of python -m benchmarks.compress")
    version, kind = data[len(MAGIC)] >> 4, data[len(MAGIC)] >> 2 & 3
    if version != VERSION:
        raise CodeFileError(f"a file of version {version}; this program reads version {VERSION}")
    if kind >= len(KINDS):
        raise CodeFileError(DAMAGED)
    return KINDS[kind]


def require_extent(extent: Sequence[int]) -> None:
    """Raise CodeFileError on a signal that no file holds: without samples, or with more than `LARGEST`."""
    if not 0 < math.prod(extent) <= LARGEST:
        raise CodeFileError(f"a signal of {' × '.join(map(str, extent))} samples, where {LARGEST:,} are the most")


class SealedFiles:
    """What files of all signals have in common: the head, the digests of tokenizer and code model, and the checksum.

    Args:
        tokenizer: in eval mode.
        model: of its codes.
    """

    def __init__(self, tokenizer: Tokenizer, model: CodeModel) -> None:
        self.tokenizer, self.model = tokenizer, model
        self.kind = KINDS.index(type(model))
        self.digests = bytes.fromhex(fingerprint(tokenizer)), model.digest

    def seal(self, numbers: Sequence[int], mark: int, payload: bytes) -> bytes:
        """A file of these bytes.

        Args:
            numbers: that the head has, each under 2^35.
            mark: 0 to 3.
        """
        head = MAGIC + bytes([VERSION << 4 | self.kind << 2 | mark])
        head += b"".join(map(_varint, numbers)) + self.digests[0][:2] + self.digests[1][:2]
        return head + self._checksum(head, payload) + payload

    def unseal(self, data: bytes, count: int) -> tuple[list[int], int, bytes]:
        """What `seal` was given, so many numbers among it. CodeFileError on a file of another tokenizer or model, or
        not whole."""
        kind, mark = kind_of(data), data[len(MAGIC)] & 3
        if kind is not type(self.model):
            raise CodeFileError(f"coded under {WORDS[kind]}, and this is {WORDS[type(self.model)]}")
        numbers, place = [], len(MAGIC) + 1
        for _ in range(count):
            number, place = _read_varint(data, place)
            numbers.append(number)
        head, checksum, payload = data[: place + 4], data[place + 4 : place + 8], data[place + 8 :]
        for name, digest, stored in zip(
            ("tokenizer", WORDS[type(self.model)]), self.digests, (head[-4:-2], head[-2:]), strict=True
        ):
            if digest[:2] != stored:
                raise CodeFileError(f"made by another {name.removeprefix('a ')} than this, or altered")
        if self._checksum(head, payload) != checksum:
            raise CodeFileError(DAMAGED)
        return numbers, mark, payload

    def _checksum(self, head: bytes, payload: bytes) -> bytes:
        return zlib.crc32(b"".join([head, payload, *self.digests])).to_bytes(4, "big")


class CodeFiles(SealedFiles):
    """Writes and reads files of one tokenizer's codes under one model of them.

    Args:
        tokenizer: in eval mode.
        model: of its codes.
        rate: of its signals in samples a second, where they have one.
    """

    def __init__(self, tokenizer: Tokenizer, model: CodeModel, rate: int | None = None) -> None:
        super().__init__(tokenizer, model)
        self.rates = [] if rate is None else [rate]

    def write(self, signal: Signal) -> bytes:
        """The file of a signal's codes. ValueError on one of another number of axes, or too large."""
        if len(signal.extent) != len(self.tokenizer.strides) or not 0 <= signal.mark < 4:
            raise ValueError(f"the extent must have {len(self.tokenizer.strides)} axes and the mark be 0 to 3.")
        require_extent(signal.extent)
        writer = Writer()
        self._code(writer, signal.codes, signal.extent)
        writer.uniform(np.array([check(signal.codes)]), 1, 2**16)
        return self.seal((*signal.extent, *self.rates), signal.mark, writer.to_bytes())

    def read(self, data: bytes) -> Signal:
        """What `write` was given.

        Raises:
            CodeFileError: the bytes are none of this tokenizer and model, or not whole.
        """
        axes = len(self.tokenizer.strides)
        numbers, mark, payload = self.unseal(data, axes + len(self.rates))
        extent, rates = numbers[:axes], numbers[axes:]
        if rates != self.rates:
            raise CodeFileError(f"of a signal at {rates[0]:,} Hz, and this tokenizer's are at {self.rates[0]:,} Hz")
        require_extent(extent)
        try:
            reader = Reader(payload)
            codes = self._code(reader, None, extent)
            same = reader.uniform(None, 1, 2**16)[0] == check(codes)
        except BitsError:
            same = False
        if not same:
            raise CodeFileError(OTHERWISE)
        return Signal(codes, tuple(extent), mark)

    def _code(self, coder: Coder, codes: Sequence[Tensor] | None, extent: Sequence[int]) -> list[Tensor]:
        batch, grids = code_shapes(self.tokenizer, extent)
        return self.model.code(coder, codes, self.tokenizer.quantizers, batch, grids)


def check(codes: Iterable[Tensor]) -> int:
    """16 bits that tell maps of codes from others."""
    digest = hashlib.sha256()
    for found in codes:
        digest.update(np.ascontiguousarray(found.cpu().numpy(), "<i8").tobytes())
    return int.from_bytes(digest.digest()[:2], "big")


def _varint(value: int) -> bytes:
    low = [value >> shift & 127 for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([digit | 128 for digit in low[:-1]] + [low[-1]])


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 35, 7):
        if place >= len(data):
            break
        byte = data[place]
        value, place = value | (byte & 127) << shift, place + 1
        if not byte & 128:
            return value, place
    raise CodeFileError(DAMAGED)
