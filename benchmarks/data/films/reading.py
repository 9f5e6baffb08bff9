"""From a film file to the 8-bit frames that are trained or measured on.

The rules, in this order: frame k at a rate of r frames per second is what a player shows at k / r seconds after the
first frame, so that a variable rate is followed and a lower one stands still; it becomes RGB by the matrix and range
that it is tagged with (untagged: BT.601 and limited, as FFmpeg takes it, at any size); it is turned as the file says;
then its short side is resized as a picture's, pixels that are not square along with it. HDR (PQ, HLG) is refused, for
its white is not agreed upon, and so are files that are cut off or whose frames are damaged.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from benchmarks.data.files import File, reading, require_content

if TYPE_CHECKING:
    from av import VideoFrame

SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"})

FORMATS = "mov,matroska,avi"
"""As FFmpeg calls them; a file that says it is a list of other files, or an address, is none."""

HDR = {16: "PQ", 18: "HLG"}
"""Transfer characteristics by number (ITU-T H.273)."""

DECODING = "RGB by swscale: matrix and range as tagged, untagged BT.601 limited; bicubic chroma, accurate rounding"
"""In the words of the record."""

CONVERSION = 0x4 | 0x40000 | 0x2000 | 0x4000
"""Of swscale: bicubic, accurate rounding, chroma at every pixel in what comes out and in what goes in. Without them it
takes the chroma of the nearest pixel and rounds down, by one to two levels of 255."""

LONGEST = 1_001
"""Of a mean rate the largest denominator: that of 24000 / 1001, and the seconds that a frame stands at most."""

ROUNDING = 1e-6
"""Seconds by which a moment may lie too early among binary fractions, where a frame's time is half a tick behind it."""

TOLERANCE = 0.01
"""Of a frame's duration, by which a film may be too short for its last frame: clocks of files are rounded."""


class Head(NamedTuple):
    """What a file tells without being decoded.

    Attributes:
        seconds: From its first frame to the end of its last.
        own: Frames that it has.
        size: (width, height) on the screen in pixels, before it is turned.
        told: Frames per second by the container's word, which may be wrong; None where it says nothing.
    """

    seconds: float
    own: int
    size: tuple[int, int]
    told: Fraction | None = None

    def frames(self, frames_per_second: float) -> int:
        """Frames at another rate."""
        return math.floor(self.seconds * frames_per_second + TOLERANCE)

    @property
    def rate(self) -> Fraction:
        """The film's own frames per second, of a variable rate the mean: as the container says, where its frames are so
        many to a percent or to one frame."""
        if self.told is not None and abs(self.own - self.told * self.seconds) <= max(1, self.own / 100):
            return self.told
        mean = Fraction(self.own / self.seconds) if self.seconds else Fraction(1)
        return max(mean.limit_denominator(LONGEST), Fraction(1, LONGEST))


class Sampling(NamedTuple):
    """How frames are taken from a film: their rate in Hz, and their short side in pixels."""

    frames_per_second: float
    short_side: int


class Timed(NamedTuple):
    """A frame, and when it appears, in seconds after the first."""

    seconds: float
    frame: VideoFrame


def read_head(stored: File) -> Head:
    """Of a film, whose packets are looked through and not decoded. Raises ValueError for one that cannot be used."""
    with _opened(stored) as (file, stream):
        shown = [
            (packet.pts, packet.duration or 0)
            for packet in file.demux(stream)
            if packet.pts is not None and not packet.is_discard
        ]
        if not shown:
            raise ValueError("no frames with a time")
        shown.sort()
        first, (last, duration) = shown[0][0], shown[-1]
        if not duration and len(shown) > 1:
            duration = (last - first) / (len(shown) - 1)
        seconds = float((last - first + duration) * stream.time_base)
        _require_whole(stream, seconds)
        return Head(seconds, len(shown), _display_size(stream), stream.average_rate or None)


def read_frames(stored: File, sampling: Sampling, start: int, count: int) -> UInt8[np.ndarray, "t h w 3"]:
    """`count` frames of a film from frame `start` on, at the sampling's rate and size.

    Raises:
        ValueError: no film in a known format, damaged, HDR, or smaller than the short side.
    """
    moments = [(start + number) / sampling.frames_per_second for number in range(count)]
    try:
        return _read(stored, sampling, moments, from_start=start == 0)
    except ValueError:
        if start == 0:
            raise
        return _read(stored, sampling, moments, from_start=True)


def _read(stored: File, sampling: Sampling, moments: list[float], *, from_start: bool) -> UInt8[np.ndarray, "t h w 3"]:
    """The frames at these moments, decoded from the film's start or else from the key frame before. That may be none to
    begin at, though the film is whole (ValueError): what follows in an open group refers to frames before it, and an
    index of times of decoding (AVI) leads behind the frame that is wanted."""
    with _opened(stored) as (file, stream):
        require_side(_display_size(stream), sampling.short_side)
        frames = _scaled_at(file, stream, moments, sampling.short_side, from_start=from_start)
        return np.stack([*frames])


def each_frame(stored: File, frames_per_second: Fraction, count: int) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """The first frames of a film at a rate, one after the other, at the size at which a player shows them; no more of
    them than one is held. ValueError as `read_frames`, when it comes to what it is of."""
    moments = (float(number / frames_per_second) + ROUNDING for number in range(count))
    with _opened(stored) as (file, stream):
        yield from _scaled_at(file, stream, moments, min(_display_size(stream)), from_start=True)


def _scaled_at(
    file: Any, stream: Any, moments: Iterable[float], short_side: int, *, from_start: bool
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """The frames at these moments, ascending, as a player shows them."""
    coming = iter(moments)
    first = next(coming)
    timed = _from(file, stream, 0.0 if from_start else first)
    size = _display_size(stream)
    for frame in shown_at(timed, chain([first], coming), float(stream.time_base) / 2):
        yield _scaled(frame, size, short_side)


def require_side(size: tuple[int, int], short_side: int) -> None:
    """Raise ValueError for frames that would have to be enlarged."""
    if min(size) < short_side:
        raise ValueError(f"{size[0]} × {size[1]} px, the short side is under {short_side}")


def shown_at(frames: Iterable[Timed], moments: Iterable[float], tolerance: float = 0.0) -> Iterator[VideoFrame]:
    """For each moment, in seconds, ascending, the frame on the screen: the last that has appeared by then.

    Args:
        frames: In the order of their times.
        tolerance: By which a frame may appear too late, in seconds.

    Raises:
        ValueError: no frames.
    """
    coming = iter(frames)
    ahead = next(coming, None)
    if ahead is None:
        raise ValueError("no frame can be decoded")
    shown = ahead.frame
    for moment in moments:
        while ahead is not None and ahead.seconds <= moment + tolerance:
            shown, ahead = ahead.frame, next(coming, None)
        yield shown


def to_rgb(frame: VideoFrame) -> UInt8[np.ndarray, "h w 3"]:
    """A frame as stored, in RGB, neither turned nor resized: each number within half a level of the matrix in exact
    arithmetic, once the chroma stands at every pixel. Raises ValueError for HDR and for damaged frames."""
    if frame.is_corrupt:
        raise ValueError("a frame is damaged")
    if frame.color_trc in HDR:
        raise ValueError(f"HDR ({HDR[frame.color_trc]}): its white has no agreed place among 8 bits")
    return frame.reformat(format="rgb24", interpolation=CONVERSION).to_ndarray()


def _scaled(frame: VideoFrame, size: tuple[int, int], short_side: int) -> UInt8[np.ndarray, "h w 3"]:
    """A frame as a player shows it, its short side resized as a picture's."""
    quarters = frame.rotation // 90
    picture = Image.fromarray(np.ascontiguousarray(np.rot90(to_rgb(frame), quarters)))
    width, height = size if quarters % 2 == 0 else size[::-1]
    scale = short_side / min(size)
    wanted = max(short_side, round(width * scale)), max(short_side, round(height * scale))
    return np.asarray(picture.resize(wanted, Image.Resampling.BICUBIC))


def _from(file: Any, stream: Any, seconds: float) -> Iterator[Timed]:
    """The frames of a film, from the last key frame by that time on. ValueError where there is none."""
    frames = _decoded(file, stream)
    first = next(frames, None)
    if first is None:
        raise ValueError("no frame with a time can be decoded")
    origin, _ = first
    if seconds > 0:
        wanted = origin + math.floor(seconds / stream.time_base)
        file.seek(wanted, stream=stream)
        frames = _decoded(file, stream)
        first = next(frames, None)
        if first is None or first[0] > wanted:
            raise ValueError("the film's index leads elsewhere")
    for ticks, frame in chain([first], frames):
        yield Timed(float((ticks - origin) * stream.time_base), frame)


def _decoded(file: Any, stream: Any) -> Iterator[tuple[int, VideoFrame]]:
    """The frames from where the file stands, a key frame, with their times in ticks of the stream; none without a time.
    Those that are shown before the key frame and stored behind it may refer to others that are not there, and are left
    out."""
    key = None
    for packet in file.demux(stream):
        key = packet.pts if key is None else key
        if packet.pts is None or key is None or packet.pts >= key:
            yield from ((frame.pts, frame) for frame in packet.decode() if frame.pts is not None)


def _display_size(stream: Any) -> tuple[int, int]:
    ratio = stream.sample_aspect_ratio or 1
    return max(1, round(stream.codec_context.width * ratio)), stream.codec_context.height


@contextmanager
def _opened(stored: File) -> Iterator[tuple[Any, Any]]:
    """A file and its film by PyAV, whose errors become ValueErrors without the machine's paths."""
    import av
    from av.error import FFmpegError

    with reading(stored) as source:
        require_content(source)
        try:
            file = av.open(source, options={"format_whitelist": FORMATS, "protocol_whitelist": "file"})
        except FFmpegError as error:
            raise ValueError("no film in a known format, or damaged at its begin") from error
        with file:
            if not file.streams.video:
                raise ValueError("no pictures, only other tracks")
            stream = file.streams.video[0]
            stream.codec_context.thread_count = 1  # films are read side by side
            stream.codec_context.options = {"err_detect": "explode"}
            try:
                yield file, stream
            except FFmpegError as error:
                raise ValueError(f"damaged: {error.strerror}") from error


def _require_whole(stream: Any, seconds: float) -> None:
    """Raise ValueError where a file says that it is longer than its packets are."""
    tag = re.fullmatch(r"(\d+):(\d+):([\d.]+)", stream.metadata.get("DURATION", ""))  # of Matroska and WebM
    told = float(stream.duration * stream.time_base) if stream.duration else 0.0
    if tag:
        told = 3600 * int(tag[1]) + 60 * int(tag[2]) + float(tag[3])
    if seconds < 0.9 * told - 0.5:
        raise ValueError(f"cut off: {seconds:.3g} of {told:.3g} s")
