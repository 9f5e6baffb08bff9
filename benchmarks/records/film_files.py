"""Films as files to watch, level for level, which say what they are."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from storage.paths import StrPath
from storage.whole_files import replacing


def save_lossless(path: StrPath, frames: Iterable[UInt8[np.ndarray, "h w 3"]], rate: Fraction, about: str) -> None:
    """Write RGB frames as Matroska of FFV1, which keeps each level, whose title says what it is; makes the folder where
    it is missing.

    Args:
        frames: At least one, taken one by one.
        rate: Of them in a second.
    """
    import av

    coming = iter(frames)
    first = next(coming)
    with replacing(Path(path)) as temporary, av.open(str(temporary), "w", format="matroska") as file:
        file.metadata["title"] = about
        stream = file.add_stream("ffv1", rate=rate, options={"level": "3", "slicecrc": "1", "g": "1"})
        stream.height, stream.width, _ = first.shape
        stream.pix_fmt = "bgr0"
        stream.codec_context.time_base = 1 / rate
        for number, levels in enumerate(chain([first], coming)):
            frame = av.VideoFrame.from_ndarray(levels, format="rgb24").reformat(format="bgr0")
            frame.pts, frame.time_base = number, 1 / rate
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def about_film_file(path: StrPath) -> str | None:
    """What such a film says it is; None of other files."""
    import av
    from av.error import FFmpegError

    try:
        with av.open(str(path), format="matroska") as file:
            return file.metadata.get("title") or file.metadata.get("TITLE")
    except (OSError, FFmpegError):
        return None
