"""The codecs of film that people use as coders at one rate, by the video protocol's settings."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from benchmarks.data.films.reading import read_head
from benchmarks.data.films.whole import Film
from benchmarks.protocols.video.codecs import FilmCodec


@dataclass(frozen=True)
class FixedFactor:
    """A codec at one constant rate factor for films of any size, length and rate, to files and back."""

    codec: FilmCodec

    def encode(self, item: Film) -> bytes:
        """The whole file of a film."""
        return self.codec.encode_frames(item.frames(), item.rate).data

    def decode(self, data: bytes) -> Film:
        """The film of a file, its sides even."""
        head = read_head(BytesIO(data))
        width, height = head.size
        return Film((head.own, height, width), head.rate, lambda: self.codec.decode_frames(data))
