"""The codecs that people use, through PyAV (FFmpeg): clips to files and back, every setting written down."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from itertools import chain, islice

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from benchmarks.data.films.reading import CONVERSION, to_rgb
from benchmarks.data.films.sources import Frame
from benchmarks.protocols.signals import CodedFile

BT709, LIMITED = 1, 1
"""Matrix and range that all codecs get, and are tagged with (ITU-T H.273; FFmpeg's number of the range)."""


@contextmanager
def same_priority() -> Iterator[None]:
    """Of the calling thread, afterwards as before: under root SVT-AV1 makes a thread that opens it a real-time one, and
    a training that goes on in it would leave the machine to nobody else."""
    if not hasattr(os, "sched_setscheduler"):  # not Linux
        yield
        return
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    yield
    os.sched_setscheduler(0, *before)


@dataclass(frozen=True)
class FilmCodec:
    """A codec at one quality.

    Quality and not bitrate is asked for: clips of a second or two are shorter than what rate control looks ahead, and
    would get other bitrates than asked for. What it takes is measured.

    Attributes:
        heading: What tables call it.
        encoder: As FFmpeg calls it.
        quality: The constant rate factor; lower is better.
        options: What the encoder is told beside it.
    """

    heading: str
    encoder: str
    quality: int
    options: Mapping[str, str]

    def encode(self, clip: UInt8[Tensor, "3 t h w"], frames_per_second: float) -> CodedFile:
        """The MP4 file of a clip: 8 bits, chroma of half the sides, which are made even by the last pixels again."""
        frames = np.ascontiguousarray(clip.permute(1, 2, 3, 0).numpy())
        return self.encode_frames(frames, Fraction(frames_per_second).limit_denominator(1001))

    def encode_frames(self, frames: Iterable[Frame], rate: Fraction) -> CodedFile:
        """The same of frames that come one by one, all of one size, so many a second."""
        import av

        os.environ.setdefault("SVT_LOG", "1")  # or SVT-AV1 lists its settings on the screen, clip after clip
        even = (np.pad(frame, (*((0, -side % 2) for side in frame.shape[:2]), (0, 0)), "edge") for frame in frames)
        first = next(even)
        buffer, stream_bytes = BytesIO(), 0
        with av.open(buffer, "w", format="mp4") as file:
            stream = file.add_stream(self.encoder, rate=rate, options={"crf": str(self.quality), **self.options})
            stream.height, stream.width, _ = first.shape
            stream.pix_fmt = "yuv420p"
            stream.codec_context.colorspace, stream.codec_context.color_range = BT709, LIMITED
            stream.codec_context.time_base = 1 / rate
            with same_priority():
                stream.codec_context.open()
            packets = []
            for number, levels in enumerate(chain([first], even)):
                frame = av.VideoFrame.from_ndarray(levels, format="rgb24").reformat(
                    format="yuv420p", interpolation=CONVERSION, dst_colorspace=BT709, dst_color_range=LIMITED
                )
                frame.pts, frame.time_base = number, 1 / rate
                packets += stream.encode(frame)
            for packet in (*packets, *stream.encode(None)):
                stream_bytes += packet.size
                file.mux(packet)
        return CodedFile(buffer.getvalue(), stream_bytes)

    def decode(self, data: bytes, extent: tuple[int, int, int]) -> UInt8[Tensor, "3 t h w"]:
        """The clip of a file.

        Args:
            extent: Frames, height and width that it had.
        """
        frames, height, width = extent
        found = np.stack([frame[:height, :width] for frame in islice(self.decode_frames(data), frames)])
        return torch.from_numpy(found).permute(3, 0, 1, 2).contiguous()

    def decode_frames(self, data: bytes) -> Iterator[Frame]:
        """The frames of a file one by one, their sides even."""
        import av

        with av.open(BytesIO(data), format="mp4") as file:
            yield from map(to_rgb, file.decode(video=0))

    @property
    def software(self) -> dict[str, str]:
        """What encodes and decodes, and which version of it."""
        import av

        libraries = {name: ".".join(map(str, number)) for name, number in av.library_versions.items()}
        return {"av": av.__version__, "libavcodec": libraries["libavcodec"]}


def h264(quality: int) -> FilmCodec:
    """H.264 by x264, without AVX-512: with it frames of a few macroblocks become other files than by its C code, and
    not the same each time (PyAV 18.1.0)."""
    return FilmCodec("H.264", "libx264", quality, {"preset": "medium", "threads": "1", "x264-params": "asm=AVX2"})


def hevc(quality: int) -> FilmCodec:
    """HEVC by x265, in blocks of at most 32 pixels: a frame that is one block alone is not coded alike each time (PyAV
    18.1.0), and with the usual 64 that would be a small film's."""
    settings = "log-level=error:pools=none:frame-threads=1:ctu=32"
    return FilmCodec("HEVC", "libx265", quality, {"preset": "medium", "x265-params": settings})


def av1(quality: int) -> FilmCodec:
    """AV1 by SVT-AV1."""
    return FilmCodec("AV1", "libsvtav1", quality, {"preset": "8", "svtav1-params": "lp=1"})


FILM_CODECS = {"h264": h264, "hevc": hevc, "av1": av1}
"""By name, from a constant rate factor."""

H264_QUALITIES = HEVC_QUALITIES = (18, 25, 32, 39)
AV1_QUALITIES = (20, 33, 46, 59)
"""That are measured, from high to low bitrates."""
