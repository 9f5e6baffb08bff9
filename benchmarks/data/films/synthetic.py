"""Moving textures drawn by this program, and called so: data on every machine, and no film of anything.

No package that this project needs ships films. So each scene has a large texture under a camera that pans, and in front
of it a few discs and rectangles with textures of their own, which move, turn and cover each other. Textures are noise
whose power falls with the square of the frequency, as that of photographs does (Field 1987). It has what codecs of film
live on (motion that goes on, edges that uncover what was behind), and shows nothing: metrics that were fitted to films
mean little on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import BinaryIO, NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from benchmarks.data.division import Division, require_splits
from benchmarks.data.films.reading import Head, Sampling, require_side
from benchmarks.data.films.sources import Films

RATE, SECONDS, SIDE = 24, 2, 96
"""Frames per second, length, and side of the square frames in pixels."""

SCENES_TO_TRAIN, SCENES_TO_TEST = 24, 6

VERSION = 1
"""Of this program: raised whenever its films change."""

TEXTURE = 256
"""Side of a texture in pixels, after which it begins again."""


@dataclass(frozen=True)
class SyntheticFilms:
    """A film of each of these scenes."""

    scenes: Sequence[int]

    def __len__(self) -> int:
        return len(self.scenes)

    def name(self, index: int) -> str:
        return f"scene {self.scenes[index]:02}"

    def head(self, index: int) -> Head:
        return Head(float(SECONDS), SECONDS * RATE, (SIDE, SIDE))

    def frames(self, index: int, sampling: Sampling, start: int, count: int) -> UInt8[np.ndarray, "t h w 3"]:
        require_side((SIDE, SIDE), sampling.short_side)
        size = (sampling.short_side, sampling.short_side)
        found = []
        for number in range(start, start + count):
            own = min(int(number / sampling.frames_per_second * RATE + 1e-6), SECONDS * RATE - 1)
            picture = Image.fromarray(draw(self.scenes[index], own))
            found.append(np.asarray(picture.resize(size, Image.Resampling.BICUBIC)))
        return np.stack(found)

    def stored(self, index: int) -> BinaryIO:
        return BytesIO(f"synthetic films {VERSION}, {self.name(index)}".encode())


def open_synthetic(splits: Sequence[str] = ()) -> Division[Films]:
    """The synthetic scenes; those that test are others than those that train. DataError for other splits."""
    require_splits(splits, (), "synthetic")
    last = SCENES_TO_TRAIN + SCENES_TO_TEST
    return Division(
        lambda: SyntheticFilms(range(SCENES_TO_TRAIN)),
        SyntheticFilms(range(SCENES_TO_TRAIN, last)),
        f"{SCENES_TO_TRAIN} synthetic scenes train, {SCENES_TO_TEST} others test",
        lambda: SyntheticFilms(range(last)),
        comes_split=True,
    )


class _Shape(NamedTuple):
    """What moves: its texture, half its sides in pixels, whether it is round, where it is around, how far and how often
    a second it swings, its turns a second, and where its swings begin."""

    texture: Float32[np.ndarray, "s s 3"]
    half: Float32[np.ndarray, " 2"]
    is_round: bool
    centre: Float32[np.ndarray, " 2"]
    swing: Float32[np.ndarray, " 2"]
    swings: Float32[np.ndarray, " 2"]
    turns: float
    phase: Float32[np.ndarray, " 2"]


class _Scene(NamedTuple):
    """The ground, how far the camera pans over it in a second, in pixels down and right, and the shapes from back to
    front."""

    ground: Float32[np.ndarray, "s s 3"]
    pan: Float32[np.ndarray, " 2"]
    shapes: tuple[_Shape, ...]


@lru_cache(maxsize=4)
def _scene(number: int) -> _Scene:
    random = np.random.default_rng((VERSION, number))

    def shape() -> _Shape:
        return _Shape(
            _texture(random),
            random.uniform(SIDE / 12, SIDE / 5, 2).astype(np.float32),
            bool(random.random() < 0.5),
            random.uniform(0.2 * SIDE, 0.8 * SIDE, 2).astype(np.float32),
            random.uniform(0.1 * SIDE, 0.4 * SIDE, 2).astype(np.float32),
            random.uniform(0.1, 0.6, 2).astype(np.float32),
            float(random.uniform(-0.5, 0.5)),
            random.uniform(0, 2 * np.pi, 2).astype(np.float32),
        )

    pan = random.uniform(-40, 40, 2).astype(np.float32)
    return _Scene(_texture(random), pan, tuple(shape() for _ in range(int(random.integers(3, 6)))))


def draw(scene: int, frame: int) -> UInt8[np.ndarray, "{SIDE} {SIDE} 3"]:
    """A frame of a scene; the same for the same numbers."""
    seconds = frame / RATE
    ground, pan, shapes = _scene(scene)
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    picture = _sampled(ground, rows + pan[0] * seconds, columns + pan[1] * seconds)
    for shape in shapes:
        place = shape.centre + shape.swing * np.sin(2 * np.pi * shape.swings * seconds + shape.phase)
        angle = 2 * np.pi * shape.turns * seconds
        down, right = rows - place[0], columns - place[1]
        own = np.stack([np.cos(angle) * down - np.sin(angle) * right, np.sin(angle) * down + np.cos(angle) * right])
        half = shape.half[:, None, None]
        outside = (np.hypot(*(own / half)) - 1) * half.min() if shape.is_round else (np.abs(own) - half).max(0)
        cover = np.clip(0.5 - outside, 0, 1)  # an edge is a pixel wide
        seen = cover > 0
        drawn = _sampled(shape.texture, own[0][seen], own[1][seen])
        picture[seen] += cover[seen][:, None] * (drawn - picture[seen])
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def _texture(random: np.random.Generator) -> Float32[np.ndarray, "s s 3"]:
    """Noise without seams around a colour, mean deviation about 40 levels."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(TEXTURE), np.fft.rfftfreq(TEXTURE), indexing="ij"))
    falling = 1 / np.maximum(frequency, 2 / TEXTURE)
    grey, *tints = (np.fft.irfft2(np.fft.rfft2(random.standard_normal((TEXTURE, TEXTURE))) * falling) for _ in range(4))
    planes = np.stack([grey + 0.25 * tint for tint in tints], -1)
    planes *= 40 / planes.std()
    return (planes + random.uniform(60, 195, 3)).astype(np.float32)


def _sampled(
    texture: Float32[np.ndarray, "s s 3"], rows: Float32[np.ndarray, "*n"], columns: Float32[np.ndarray, "*n"]
) -> Float32[np.ndarray, "*n 3"]:
    """The texture at places between its pixels, bilinear."""
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, right = (rows - top)[..., None], (columns - left)[..., None]
    above, below = top % TEXTURE, (top + 1) % TEXTURE
    before, after = left % TEXTURE, (left + 1) % TEXTURE
    upper = texture[above, before] * (1 - right) + texture[above, after] * right
    lower = texture[below, before] * (1 - right) + texture[below, after] * right
    return (upper * (1 - down) + lower * down).astype(np.float32)
