"""The same crop at the same bytes by each codec: what a rate looks like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from PIL import Image

from benchmarks.data.whole import WholePictures
from benchmarks.protocols.compression.codecs import Codec, within
from benchmarks.protocols.compression.fidelity import Coder
from benchmarks.records.compression import CodecName, Sample

PICTURES = 3
SIDE = 128
"""Of a crop in pixels, or less where a picture is smaller."""

Arrays = dict[str, np.ndarray]


def samples(
    coder: Coder[Image.Image], pictures: WholePictures, codecs: Mapping[CodecName, Codec]
) -> tuple[tuple[Sample, ...], Arrays]:
    """A few pictures, taken evenly, by a tokenizer's coder and by each codec at no more bytes.

    Returns:
        What they are, and `samples/NAME/INDEX`, uint8 (H, W, 3): NAME is "original", "coded" or a codec's.
    """
    found = []
    arrays: Arrays = {}
    for place, index in enumerate(_evenly(len(pictures))):
        original = pictures[index]
        box = central_box(original)
        data = coder.encode(original)
        shown = {"original": original, "coded": coder.decode(data)}
        sizes: dict[str, int] = {}
        qualities: dict[str, int] = {}
        for name, codec in codecs.items():
            qualities[name], file = within(codec, original, len(data))
            sizes[name], shown[name] = len(file), codec.decode(file)
        found.append(Sample(picture=pictures.name(index), box=box, budget=len(data), bytes=sizes, quality=qualities))
        arrays |= {f"samples/{name}/{place}": np.asarray(picture.crop(box)) for name, picture in shown.items()}
    return tuple(found), arrays


def central_box(picture: Image.Image) -> tuple[int, int, int, int]:
    """The middle of a picture, at most `SIDE` wide and high: left, top, right, bottom."""
    width, height = (min(SIDE, side) for side in picture.size)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return left, top, left + width, top + height


def _evenly(count: int) -> Iterator[int]:
    most = min(PICTURES, count)
    yield from (count * place // most for place in range(most))
