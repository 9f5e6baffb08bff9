"""What films look like: some frames of each side by side, or all of them one after the other."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from storage.paths import StrPath
from storage.whole_files import replacing

FRAMES = 6
"""Of a film that stand side by side, evenly spaced, the first and the last among them."""

GAP = 1
"""Pixels of white between frames."""

DESCRIPTION = 0x010E
"""EXIF's tag ImageDescription."""

WATCHED = 128
"""Pixels of the side at least of a film to watch."""


def strips(rows: Mapping[str, UInt8[np.ndarray, "n 3 t h w"]]) -> dict[str, UInt8[np.ndarray, "n 3 h strip"]]:
    """Some frames of each film side by side.

    Args:
        rows: Label -> films.
    """
    return {name: np.stack([_strip(film) for film in films]) for name, films in rows.items()}


def _strip(film: UInt8[np.ndarray, "3 t h w"]) -> UInt8[np.ndarray, "3 h strip"]:
    count = film.shape[1]
    frames = film[:, np.linspace(0, count - 1, min(count, FRAMES)).round().astype(int)]
    framed = np.pad(frames, ((0, 0), (0, 0), (0, 0), (0, GAP)), constant_values=255)
    return np.concatenate(list(framed.swapaxes(0, 1)), -1)[..., :-GAP]


def moving(film: UInt8[np.ndarray, "3 t h w"], frames_per_second: float, about: str = "") -> bytes:
    """A film as an animated WebP, pixel for pixel, again and again; its description says what it is."""
    frames = [Image.fromarray(np.ascontiguousarray(frame)) for frame in film.transpose(1, 2, 3, 0)]
    ends = np.arange(1, len(frames) + 1) * 1000 / frames_per_second  # whole milliseconds that do not add up to a drift
    times = np.diff(ends.round().astype(int), prepend=0).tolist()
    exif = Image.Exif()
    if about:
        exif[DESCRIPTION] = about
    buffer = io.BytesIO()
    how = {"save_all": True, "append_images": frames[1:], "duration": times, "loop": 0, "lossless": True}
    frames[0].save(buffer, "webp", exif=exif, **how)
    return buffer.getvalue()


def save_film(path: StrPath, film: UInt8[np.ndarray, "3 t h w"], frames_per_second: float, about: str) -> None:
    """Write one film as an animated WebP that says what it is; makes the folder where it is missing."""
    with replacing(Path(path)) as temporary:
        temporary.write_bytes(moving(film, frames_per_second, about))


def about_film(path: StrPath) -> str | None:
    """What such a film says it is; None of other files."""
    try:
        with Image.open(path) as image:
            about: str | None = image.getexif().get(DESCRIPTION)
    except OSError:
        return None
    return about


def save_moving(path: StrPath, films: Sequence[UInt8[np.ndarray, "3 t h w"]], frames_per_second: float) -> None:
    """Write films as one animated WebP, side by side in their order, each pixel a square of whole ones."""
    framed = np.concatenate([np.pad(film, ((0, 0),) * 3 + ((0, GAP),), constant_values=255) for film in films], -1)
    times = math.ceil(WATCHED / framed.shape[2])
    with replacing(Path(path)) as temporary:
        temporary.write_bytes(moving(framed[..., :-GAP].repeat(times, 2).repeat(times, 3), frames_per_second))
