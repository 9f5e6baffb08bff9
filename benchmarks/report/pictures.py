"""Pictures and plots in the form in which an HTML file can hold them itself: data URIs."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.plots.saving import svg
from benchmarks.records.files import RecordError
from benchmarks.records.record import read_arrays

VECTOR_BYTES = 250_000
"""A plot whose SVG is larger (pictures or very many points in it) is held as a bitmap."""

BITMAP: dict[str, Any] = {"format": "webp", "dpi": 120, "pil_kwargs": {"quality": 85}}
"""Of such plots: a third of what PNG takes. The same plots in full come from `python -m benchmarks.plot`."""

GRID_BYTES = 4_000_000
"""Uncompressed size that the pictures of a grid stay under, by fewer pictures of each method; one is always there."""


@dataclass(frozen=True)
class Samples:
    """The first pictures of a run's test set.

    Attributes:
        originals, reconstructions: (N, 3, h, w), uint8.
        psnr: (N,) in dB; NaN where the run has none.
    """

    originals: UInt8[np.ndarray, "n 3 h w"]
    reconstructions: UInt8[np.ndarray, "n 3 h w"]
    psnr: Float[np.ndarray, " n"]


@dataclass(frozen=True)
class Picture:
    """A picture and the words for it."""

    uri: str
    text: str


@dataclass(frozen=True)
class Grid:
    """Pictures side by side, all of one size in pixels: the originals, then a line per method."""

    width: int
    height: int
    originals: Sequence[Picture]
    methods: Sequence[tuple[str, Sequence[Picture]]]


def read_samples(path: Path) -> Samples | None:
    """The sample pictures stored beside the record at `path`; None when it has none.

    Raises:
        RecordError: the file of arrays is damaged, or what it holds under these names are no pictures.
    """
    file, arrays = path.with_suffix(".npz"), read_arrays(path)
    if "samples/original" not in arrays:
        return None
    originals, reconstructions = arrays["samples/original"], arrays.get("samples/reconstruction")
    if reconstructions is None or originals.shape != reconstructions.shape:
        raise RecordError(f"{file}: samples/original and samples/reconstruction are not pairs of pictures")
    if originals.ndim != 4 or originals.shape[1] != 3 or 0 in originals.shape:
        raise RecordError(f"{file}: the samples are to be of shape (N, 3, h, w), not {originals.shape}")
    if not originals.dtype == reconstructions.dtype == np.uint8:
        raise RecordError(f"{file}: the samples are to be uint8")
    psnr = np.full(len(originals), math.nan)
    known = np.asarray(arrays.get("image/psnr", []), dtype=float).ravel()[: len(originals)]
    psnr[: len(known)] = known
    return Samples(originals, reconstructions, psnr)


def grids(samples: Sequence[tuple[str, Samples]]) -> list[Grid]:
    """Each method's pictures below the originals; methods that saw other originals stand in another grid."""
    same: dict[tuple[tuple[int, ...], bytes], list[tuple[str, Samples]]] = {}
    for name, each in samples:
        same.setdefault((each.originals.shape, each.originals.tobytes()), []).append((name, each))
    return [_grid(methods) for methods in same.values()]


def _grid(methods: Sequence[tuple[str, Samples]]) -> Grid:
    originals = methods[0][1].originals
    _, _, height, width = originals.shape
    count = max(1, GRID_BYTES // (originals[0].nbytes * (len(methods) + 1)))
    return Grid(
        width,
        height,
        [Picture(picture_uri(each), f"picture {number}, original") for number, each in enumerate(originals[:count], 1)],
        [
            (
                name,
                [
                    Picture(picture_uri(each), f"picture {number}, {name}" + _decibels(psnr))
                    for number, (each, psnr) in enumerate(zip(run.reconstructions[:count], run.psnr, strict=False), 1)
                ],
            )
            for name, run in methods
        ],
    )


def _decibels(psnr: float) -> str:
    return "" if math.isnan(psnr) else f", PSNR {psnr:.2f} dB"


def picture_uri(picture: UInt8[np.ndarray, "3 h w"]) -> str:
    """A picture as PNG, pixel for pixel."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0))).save(buffer, "PNG", optimize=True)
    return _data_uri("png", buffer.getvalue())


def figure_uri(figure: Figure) -> str:
    """A plot as SVG, or as a bitmap where that would be too large; equal plots give equal text."""
    vector = svg(figure)
    if len(vector) <= VECTOR_BYTES:
        return _data_uri("svg+xml", vector)
    buffer = io.BytesIO()
    figure.savefig(buffer, **BITMAP)
    return _data_uri("webp", buffer.getvalue())


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
