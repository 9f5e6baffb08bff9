"""SSIMULACRA 2 between pictures (J. Sneyers 2022): what a person sees of a codec's faults, without weights to fetch."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

MIN_SIZE = 8
"""Pixels; one scale of its pyramid."""


def ssimulacra2(reconstruction: Image.Image, original: Image.Image) -> float:
    """Score of an RGB picture, at most 100, which an equal one has; 90 cannot be told apart, 50 is medium quality,
    below 0 nothing is left of it. Six scales, version 2.1's weights, by the package `ssimulacra2` in float64."""
    from ssimulacra2 import compute_ssimulacra2

    return float(compute_ssimulacra2(_stored(original), _stored(reconstruction)))


def _stored(picture: Image.Image) -> BytesIO:
    """The package takes files only."""
    buffer = BytesIO()
    picture.save(buffer, "PPM")
    buffer.seek(0)
    return buffer
