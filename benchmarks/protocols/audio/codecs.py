"""The codecs that people use, through PyAV (FFmpeg): sounds to files and back, every setting written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from benchmarks.data.sounds.reading import resample
from benchmarks.protocols.signals import CodedFile


@dataclass(frozen=True)
class AudioCodec:
    """A codec at one bitrate.

    FFmpeg's muxers write how many samples the encoder put before the sound (Ogg's pre-skip, LAME's tag), and its
    demuxers leave those out: a decoded file begins where the sound began. Its end is cut or filled with silence.

    Attributes:
        heading: What tables call it.
        encoder: As FFmpeg calls it.
        container: Likewise.
        sample_format: That its encoder takes.
        rates: That it can code, in Hz; a sound of another rate is resampled to the next higher, or else the highest.
        bitrate: Asked for, in bits per second.
        options: What the encoder is told beside the bitrate: its defaults, said aloud.
    """

    heading: str
    encoder: str
    container: str
    sample_format: str
    rates: tuple[int, ...]
    bitrate: int
    options: Mapping[str, str] = field(default_factory=dict)

    def encode(self, sound: Float32[Tensor, "c n"], sample_rate: int) -> CodedFile:
        """The file of a sound.

        Args:
            sample_rate: of the sound, in Hz.
        """
        import av

        rate = self._rate(sample_rate)
        samples = resample(sound.numpy(), sample_rate, rate)
        planar = self.sample_format.endswith("p")
        layout = "mono" if len(samples) == 1 else "stereo"
        data = np.ascontiguousarray(samples if planar else samples.T.reshape(1, -1), np.float32)
        buffer, stream_bytes = BytesIO(), 0
        with av.open(buffer, "w", format=self.container) as file:
            stream = file.add_stream(self.encoder, rate=rate, layout=layout, options=dict(self.options))
            stream.bit_rate = self.bitrate
            frame = av.AudioFrame.from_ndarray(data, format=self.sample_format, layout=layout)
            frame.sample_rate, frame.pts = rate, 0
            for packet in (*stream.encode(frame), *stream.encode(None)):
                stream_bytes += packet.size
                file.mux(packet)
        return CodedFile(buffer.getvalue(), stream_bytes)

    def decode(self, data: bytes, sample_rate: int, samples: int | None = None) -> Float32[Tensor, "c n"]:
        """The sound of a file.

        Args:
            sample_rate: that it is to have, in Hz.
            samples: of a channel that it had; unless given it is as long as the file says.
        """
        import av

        with av.open(BytesIO(data), format=self.container) as file:
            frames = list(file.decode(audio=0))
        channels = len(frames[0].layout.channels)
        found = np.concatenate([_planar(frame.to_ndarray(), channels) for frame in frames], 1)
        sound = resample(found, frames[0].sample_rate, sample_rate)[:, :samples]
        missing = 0 if samples is None else samples - sound.shape[1]
        return torch.from_numpy(np.pad(sound, ((0, 0), (0, missing))))

    def _rate(self, sample_rate: int) -> int:
        return min((rate for rate in self.rates if rate >= sample_rate), default=max(self.rates))

    @property
    def software(self) -> dict[str, str]:
        """What encodes and decodes, and which version of it."""
        import av

        libraries = {name: ".".join(map(str, number)) for name, number in av.library_versions.items()}
        return {"av": av.__version__, "libavcodec": libraries["libavcodec"]}


def _planar(samples: np.ndarray, channels: int) -> Float32[np.ndarray, "c n"]:
    """Samples as PyAV gives them, (channels, n) or (1, n · channels), as the former."""
    planar = samples if len(samples) == channels else samples.reshape(-1, channels).T
    return np.ascontiguousarray(planar, np.float32)


def opus(bitrate: int) -> AudioCodec:
    """Opus (RFC 6716) by libopus: variable bitrate, frames of 20 ms, for any sound, the highest effort."""
    return AudioCodec(
        "Opus",
        "libopus",
        "ogg",
        "flt",
        (8_000, 12_000, 16_000, 24_000, 48_000),
        bitrate,
        {"vbr": "on", "application": "audio", "frame_duration": "20", "compression_level": "10"},
    )


def mp3(bitrate: int) -> AudioCodec:
    """MP3 by LAME: constant bitrate, with the bit reservoir."""
    return AudioCodec(
        "MP3",
        "libmp3lame",
        "mp3",
        "fltp",
        (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
        bitrate,
        {"reservoir": "1", "joint_stereo": "1"},
    )


AUDIO_CODECS = {"opus": opus, "mp3": mp3}
"""By name, from a bitrate in bits per second."""

OPUS_BITRATES = (6_000, 12_000, 24_000, 48_000)
MP3_BITRATES = (8_000, 16_000, 24_000, 48_000)
"""That are measured, in bits per second: the lowest of each, then doubled. MP3 has no 6 and 12 kbit/s."""
