"""Film files made by PyAV, frame by frame, from numbers that are known."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

LUMA = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
"""Shares of red and of blue in grey (ITU-R BT.601, BT.709, BT.2020)."""
TAGS = {"bt601": 6, "bt709": 1, "bt2020": 9, None: 2}
"""Matrices by number (ITU-T H.273)."""


def yuv_to_rgb(planes: Sequence[np.ndarray], matrix: str, *, full: bool, bits: int = 8) -> np.ndarray:
    """Levels from 0 to 255 of (Y, Cb, Cr) at full resolution, in float64, not rounded: (..., 3)."""
    red, blue = LUMA[matrix]
    y, cb, cr = (plane.astype(np.float64) for plane in planes)
    step, top = 2 ** (bits - 8), 2**bits - 1
    y = y / top if full else (y - 16 * step) / (219 * step)
    cb, cr = ((c - 128 * step) / (top if full else 224 * step) for c in (cb, cr))
    r, b = y + 2 * (1 - red) * cr, y + 2 * (1 - blue) * cb
    g = (y - red * r - blue * b) / (1 - red - blue)
    return np.clip(255 * np.stack([r, g, b], -1), 0, 255)


def frame_of(planes: Sequence[np.ndarray], pixels: str = "yuv444p", matrix: str | None = None, full: bool = False):
    """A frame of (Y, Cb, Cr) at full resolution; where the format has less chroma, each second pixel of it."""
    height, width = planes[0].shape
    frame = VideoFrame(width, height, pixels)
    for plane, values in zip(frame.planes, planes, strict=True):
        rows, columns = -(-height // plane.height), -(-width // plane.width)
        kind = np.uint16 if "10le" in pixels else np.uint8
        buffer = np.zeros((plane.height, plane.line_size // kind().itemsize), kind)
        buffer[:, : plane.width] = values[::rows, ::columns]
        plane.update(buffer.tobytes())
    frame.colorspace, frame.color_range = TAGS[matrix], 2 if full else 1
    return frame


def write_film(
    path: Path,
    frames: Sequence[VideoFrame],
    *,
    rate: int = 12,
    times: Sequence[int] | None = None,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    aspect: tuple[int, int] | None = None,
) -> Path:
    """A film of these frames, lossless where nothing else is said; `times` in milliseconds where they are not even."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lossless = {"qp": "0", "g": "6", "bf": "2"} if codec == "libx264" else {}
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=rate, options=options or lossless)
        first = frames[0]
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, first.format.name
        stream.codec_context.colorspace, stream.codec_context.color_range = first.colorspace, first.color_range
        stream.codec_context.color_trc = first.color_trc
        if aspect:
            stream.codec_context.sample_aspect_ratio = Fraction(*aspect)
        tick = Fraction(1, rate if times is None else 1000)
        stream.codec_context.time_base = tick
        for number, frame in enumerate(frames):
            frame.pts = number if times is None else times[number]
            frame.time_base = tick
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def numbered(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Frames each of which tells its number: grey of 20 + 4 · number, (height, width, 3) uint8."""
    return [np.full((height, width, 3), 20 + 4 * number, np.uint8) for number in range(count)]


def number_in(frame: np.ndarray) -> int:
    """The number that a frame of `numbered` tells."""
    return round((float(frame.mean()) - 20) / 4)


def grey_film(path: Path, count: int, height: int = 48, width: int = 64, **options) -> Path:
    """A film whose frames tell their numbers."""
    grey = [16 + 219 * (20 + 4 * number) / 255 for number in range(count)]
    half = np.full((height, width), 128)
    frames = [frame_of([np.full((height, width), round(level)), half, half], "yuv420p") for level in grey]
    return write_film(path, frames, **options)
