"""Pictures, sounds, films and plots in the form in which an HTML file can hold them itself: data URIs."""

from __future__ import annotations

import base64
import io
import math
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int16, UInt8
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.plots.saving import svg
from benchmarks.records import spectrograms
from benchmarks.records.arrays import read_arrays
from benchmarks.records.files import RecordError
from benchmarks.records.films import moving
from benchmarks.records.samples import looks

VECTOR_BYTES = 250_000
"""A plot whose SVG is larger (pictures or very many points in it) is held as a bitmap."""

BITMAP: dict[str, Any] = {"format": "webp", "dpi": 120, "pil_kwargs": {"quality": 85}}
"""Of such plots: a third of what PNG takes. The same plots in full come from `python -m benchmarks.plot`."""

GRID_BYTES = 4_000_000
"""Uncompressed size that the pictures of a grid stay under, by fewer pictures of each method; one is always there."""

DRAWN = 8
"""Of what a prior drew, so many are shown."""

Noun = Literal["picture", "sound", "clip"]

DRAWN_NOUNS: dict[tuple[int, str], Noun] = {(4, "uint8"): "picture", (3, "int16"): "sound", (5, "uint8"): "clip"}
"""By the number of axes, and the type of numbers."""


@dataclass(frozen=True)
class Samples:
    """The first items of a run's test set.

    Attributes:
        originals, reconstructions: Pictures, (N, 3, h, w), or films, (N, 3, t, h, w), uint8; of sounds what they look
            like.
        psnr: (N,) in dB; NaN where the run has none.
        sounds: Originals and reconstructions to listen to, (N, c, samples), int16; None of pictures and films.
        rate: Samples of these, or frames, per second.
        noun: What one is called.
    """

    originals: UInt8[np.ndarray, "n 3 *extent"]
    reconstructions: UInt8[np.ndarray, "n 3 *extent"]
    psnr: Float[np.ndarray, " n"]
    sounds: tuple[Int16[np.ndarray, "n c t"], Int16[np.ndarray, "n c t"]] | None = None
    rate: float = 0
    noun: Noun = "picture"


@dataclass(frozen=True)
class Picture:
    """A picture and the words for it, and where it is of a sound that too."""

    uri: str
    text: str
    sound: str | None = None


@dataclass(frozen=True)
class Grid:
    """Pictures side by side, all of one size in pixels: the originals, if any, then a line per method."""

    noun: Noun
    """What a picture is of."""
    width: int
    height: int
    originals: Sequence[Picture]
    methods: Sequence[tuple[str, Sequence[Picture]]]


def read_samples(path: Path) -> Samples | None:
    """The samples stored beside the record at `path`; None when it has none.

    Raises:
        RecordError: the file of arrays is damaged, or what it holds under these names are no samples.
    """
    file, arrays = path.with_suffix(".npz"), read_arrays(path)
    if "samples/original" not in arrays:
        return None
    originals, reconstructions = arrays["samples/original"], arrays.get("samples/reconstruction")
    if reconstructions is None or originals.shape != reconstructions.shape:
        raise RecordError(f"{file}: samples/original and samples/reconstruction are not pairs")
    if originals.dtype != reconstructions.dtype or 0 in originals.shape:
        raise RecordError(f"{file}: the samples are to be of one type, and some")
    psnr, rate = np.full(len(originals), math.nan), float(arrays.get("samples/rate", 0))
    if rate and originals.dtype != np.uint8:
        if originals.ndim != 3 or originals.dtype != np.int16:
            raise RecordError(f"{file}: sounds are to be int16 of shape (N, c, samples), not {originals.shape}")
        looks = spectrograms.pictures({"original": originals, "reconstruction": reconstructions})
        both = (originals, reconstructions)
        return Samples(looks["original"], looks["reconstruction"], psnr, both, rate, "sound")
    axes, shape = (5, "(N, 3, t, h, w)") if rate else (4, "(N, 3, h, w)")
    if originals.ndim != axes or originals.shape[1] != 3 or originals.dtype != np.uint8:
        raise RecordError(f"{file}: the samples are to be uint8 of shape {shape}, not {originals.shape}")
    known = np.asarray(arrays.get(f"{'clip' if rate else 'image'}/psnr", []), dtype=float).ravel()[: len(originals)]
    psnr[: len(known)] = known
    return Samples(originals, reconstructions, psnr, None, rate, "clip" if rate else "picture")


def grids(samples: Sequence[tuple[str, Samples]]) -> list[Grid]:
    """Each method's pictures below the originals; methods that saw other originals stand in another grid."""
    same: dict[tuple[tuple[int, ...], bytes], list[tuple[str, Samples]]] = {}
    for name, each in samples:
        same.setdefault((each.originals.shape, each.originals.tobytes()), []).append((name, each))
    return [_grid(methods) for methods in same.values()]


def drawn_grids(samplings: Sequence[tuple[str, Path]]) -> list[Grid]:
    """The first items that priors drew, a line for each sampling, without originals; those of other sizes stand in
    another grid.

    Args:
        samplings: Name, and the record's file, beside which the items lie.

    Raises:
        RecordError: the file of arrays is damaged, or what it holds are no samples.
    """
    lines: dict[tuple[Noun, tuple[int, int]], list[tuple[str, list[Picture]]]] = {}
    for name, path in samplings:
        arrays = read_arrays(path)
        if "samples" not in arrays:
            continue
        samples, rate = arrays["samples"][:DRAWN], float(arrays.get("rate", 0))
        noun = DRAWN_NOUNS.get((samples.ndim, samples.dtype.name))
        if noun is None or 0 in samples.shape:
            raise RecordError(
                f"{path.with_suffix('.npz')}: no samples of any signal, but {samples.dtype} of shape {samples.shape}"
            )
        pictures = samples if noun == "clip" else looks(samples)
        shown = [
            Picture(
                film_uri(look, rate) if noun == "clip" else picture_uri(look),
                f"{noun} {number}, {name}",
                sound_uri(item, int(rate)) if noun == "sound" else None,
            )
            for number, (look, item) in enumerate(zip(pictures, samples, strict=True), 1)
        ]
        height, width = pictures.shape[-2:]
        lines.setdefault((noun, (height, width)), []).append((name, shown))
    return [Grid(noun, width, height, [], found) for (noun, (height, width)), found in lines.items()]


def _grid(methods: Sequence[tuple[str, Samples]]) -> Grid:
    first = methods[0][1]
    height, width = first.originals.shape[-2:]
    each = first.originals[0].nbytes if first.sounds is None else first.sounds[0][0].nbytes
    count = max(1, GRID_BYTES // (each * (len(methods) + 1)))

    def shown(samples: Samples, name: str, original: bool) -> list[Picture]:
        looks = (samples.originals if original else samples.reconstructions)[:count]
        sounds = [None] * len(looks) if samples.sounds is None else list(samples.sounds[0 if original else 1][:count])
        return [
            Picture(
                picture_uri(look) if look.ndim == 3 else film_uri(look, samples.rate),
                f"{samples.noun} {number}, {name}" + ("" if original else _decibels(psnr)),
                None if sound is None else sound_uri(sound, int(samples.rate)),
            )
            for number, (look, sound, psnr) in enumerate(zip(looks, sounds, samples.psnr, strict=False), 1)
        ]

    lines = [(name, shown(samples, name, original=False)) for name, samples in methods]
    return Grid(first.noun, width, height, shown(first, "original", original=True), lines)


def _decibels(psnr: float) -> str:
    return "" if math.isnan(psnr) else f", PSNR {psnr:.2f} dB"


def picture_uri(picture: UInt8[np.ndarray, "3 h w"]) -> str:
    """A picture as PNG, pixel for pixel."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0))).save(buffer, "PNG", optimize=True)
    return _data_uri("png", buffer.getvalue())


def film_uri(film: UInt8[np.ndarray, "3 t h w"], frames_per_second: float) -> str:
    """A film as animated WebP, pixel for pixel."""
    return _data_uri("webp", moving(film, frames_per_second))


def sound_uri(sound: Int16[np.ndarray, "c samples"], sample_rate: int) -> str:
    """A sound as WAV, sample for sample: all browsers play that."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((len(sound), 2, sample_rate, sound.shape[1], "NONE", "not compressed"))
        file.writeframes(np.ascontiguousarray(sound.T, "<i2").tobytes())
    return _data_uri("wav", buffer.getvalue(), "audio")


def figure_uri(figure: Figure) -> str:
    """A plot as SVG, or as a bitmap where that would be too large; equal plots give equal text."""
    vector = svg(figure)
    if len(vector) <= VECTOR_BYTES:
        return _data_uri("svg+xml", vector)
    buffer = io.BytesIO()
    figure.savefig(buffer, **BITMAP)
    return _data_uri("webp", buffer.getvalue())


def _data_uri(kind: str, content: bytes, of: str = "image") -> str:
    return f"data:{of}/{kind};base64,{base64.b64encode(content).decode()}"
