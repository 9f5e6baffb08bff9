"""The codecs of sound that people use as coders at one rate, by the audio protocol's settings."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float32
from torch import Tensor

from benchmarks.protocols.audio.codecs import AudioCodec


@dataclass(frozen=True)
class FixedBitrate:
    """A codec at one bitrate for sounds of one rate: float32 (channels, samples) to files and back.

    Attributes:
        codec: at its bitrate.
        sample_rate: of the sounds, in Hz.
    """

    codec: AudioCodec
    sample_rate: int

    def encode(self, item: Float32[Tensor, "c n"]) -> bytes:
        """The whole file of a sound."""
        return self.codec.encode(item, self.sample_rate).data

    def decode(self, data: bytes) -> Float32[Tensor, "c m"]:
        """The sound of a file, as long as the container says."""
        return self.codec.decode(data, self.sample_rate)
