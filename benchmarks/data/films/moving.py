"""Moving photographs: the camera pans, turns and zooms over one, and pieces of others move in front of it.

Films on every machine, and no film of anything. No package that this project needs ships films, and a small network
knows the few films that one has by heart within minutes. So a program makes scenes of any source of pictures: what is
seen is as rough and as smooth as photographs are, and moves on, turns, covers and uncovers, which codecs of film live
on. Nothing in it bends, walks or changes its light.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float32, UInt8
from PIL import Image
from torch import Tensor

from benchmarks.data.config import DataConfig
from benchmarks.data.division import Division
from benchmarks.data.films.reading import Head, Sampling, require_side
from benchmarks.data.films.sources import Films, Frame
from benchmarks.data.pictures import Pictures
from benchmarks.data.sources import open_source
from benchmarks.data.transforms import to_rgb, to_tensor
from storage.paths import StrPath

RATE, SECONDS, SIDE = 24, 2, 96
"""Frames per second, length, and side of the square frames in pixels."""

SCENES_TO_TRAIN, SCENES_TO_TEST = 240, 48
"""To train on there are as many scenes as pictures, and so many at least; to test on about so many at most, each of a
picture of its own, evenly taken."""

VERSION = 2
"""Of this program: raised whenever its films change."""


@dataclass(frozen=True)
class MovingPictures:
    """Scenes made of pictures.

    Attributes:
        pictures: What is seen in them; each scene's ground is the next one.
        scenes: Their numbers.
        part: Another number for those that train, those that test, and all: they move differently.
    """

    pictures: Pictures
    scenes: Sequence[int]
    part: int

    def __len__(self) -> int:
        return len(self.scenes)

    def name(self, index: int) -> str:
        return f"scene {self.scenes[index]:03}, {self.pictures.name(self._ground(index))}"

    def head(self, index: int) -> Head:
        return Head(float(SECONDS), SECONDS * RATE, (SIDE, SIDE))

    def frames(self, index: int, sampling: Sampling, start: int, count: int) -> UInt8[np.ndarray, "t h w 3"]:
        require_side((SIDE, SIDE), sampling.short_side)
        size = (sampling.short_side, sampling.short_side)
        drawn = map(Image.fromarray, self._drawn(index, sampling.frames_per_second, range(start, start + count)))
        return np.stack([np.asarray(picture.resize(size, Image.Resampling.BICUBIC)) for picture in drawn])

    def each_frame(self, index: int, frames_per_second: Fraction, count: int) -> Iterator[Frame]:
        return self._drawn(index, float(frames_per_second), range(count))

    def _drawn(self, index: int, frames_per_second: float, numbers: Iterable[int]) -> Iterator[Frame]:
        scene = self._scene(index)
        for number in numbers:
            own = min(int(number / frames_per_second * RATE + 1e-6), SECONDS * RATE - 1)
            yield draw(scene, own / RATE)

    def stored(self, index: int) -> BinaryIO:
        ground = self._ground(index)
        with self.pictures.open(ground) as picture, self.pictures.stored(ground, picture) as file:
            return BytesIO(f"moving pictures {VERSION}, part {self.part}, {self.name(index)}".encode() + file.read())

    def _ground(self, index: int) -> int:
        return self.scenes[index] % len(self.pictures)

    def _scene(self, index: int) -> Scene:
        random = np.random.default_rng((VERSION, self.part, self.scenes[index]))
        with self.pictures.open(self._ground(index)) as picture:
            share = random.uniform(0.4, 0.8)
            ground = _Camera(
                _texture(picture, SIDE / share),
                random.random(2),
                pan=random.uniform(-0.4 * SIDE, 0.4 * SIDE, 2),
                turns=random.uniform(-0.05, 0.05),
                zoom=random.uniform(-0.2, 0.2),
            )
        return Scene(ground, tuple(self._shape(random) for _ in range(random.integers(1, 4))))

    def _shape(self, random: np.random.Generator) -> _Shape:
        with self.pictures.open(int(random.integers(len(self.pictures)))) as picture:
            return _Shape(
                _texture(picture, SIDE),
                half=random.uniform(SIDE / 12, SIDE / 4, 2),
                is_round=bool(random.random() < 0.5),
                centre=random.uniform(0.2 * SIDE, 0.8 * SIDE, 2),
                swing=random.uniform(0.1 * SIDE, 0.4 * SIDE, 2),
                swings=random.uniform(0.1, 0.6, 2),
                turns=random.uniform(-0.5, 0.5),
                phase=random.uniform(0, 2 * np.pi, 2),
            )


def open_moving(name: str, root: StrPath | None = None) -> Division[Films]:
    """Scenes made of the pictures that `name` says as a source of pictures, those that train and those that test apart.

    Args:
        root: Where torchvision and Hugging Face keep their files; None: their usual cache.

    Raises:
        DataError: there are none.
    """
    source = open_source(DataConfig(source=name, image_size=SIDE, root=None if root is None else Path(root)))

    def scenes(pictures: Pictures, least: int, part: int) -> MovingPictures:
        return MovingPictures(pictures, range(max(least, len(pictures))), part)

    to_test = range(0, len(source.test), max(1, len(source.test) // SCENES_TO_TEST))
    return Division(
        lambda: scenes(source.open_train(), SCENES_TO_TRAIN, 0),
        MovingPictures(source.test, to_test, 1),
        f"scenes of pictures that move, {len(to_test)} of them to test; of the pictures: {source.split}",
        lambda: scenes(source.part("all"), 1, 2),
        comes_split=True,
    )


class _Camera(NamedTuple):
    """What is seen: a texture, where its view begins from 0 to 1 of the way, and how much of a second's time it pans in
    pixels down and right, turns, and zooms by a power of e."""

    texture: Float32[Tensor, "1 3 h w"]
    begin: np.ndarray
    pan: np.ndarray
    turns: float
    zoom: float


class _Shape(NamedTuple):
    """What moves: its texture, half its sides in pixels, whether it is round, where it is around, how far and how often
    a second it swings, its turns a second, and where its swings begin."""

    texture: Float32[Tensor, "1 3 h w"]
    half: np.ndarray
    is_round: bool
    centre: np.ndarray
    swing: np.ndarray
    swings: np.ndarray
    turns: float
    phase: np.ndarray


class Scene(NamedTuple):
    """The ground, and the shapes from back to front."""

    ground: _Camera
    shapes: tuple[_Shape, ...]


def draw(scene: Scene, seconds: float) -> UInt8[np.ndarray, "{SIDE} {SIDE} 3"]:
    """The frame of a scene at a time from its begin; the same for the same."""
    ground, shapes = scene
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    away = np.exp(ground.zoom * seconds) * _turned(rows - SIDE / 2, columns - SIDE / 2, ground.turns * seconds)
    middle = SIDE / 2 + ground.begin * (np.array(ground.texture.shape[2:]) - SIDE) + ground.pan * seconds
    picture = _sampled(ground.texture, away[0] + middle[0], away[1] + middle[1])
    for shape in shapes:
        place = shape.centre + shape.swing * np.sin(2 * np.pi * shape.swings * seconds + shape.phase)
        own = _turned(rows - place[0], columns - place[1], shape.turns * seconds)
        half = shape.half[:, None, None]
        outside = (np.hypot(*(own / half)) - 1) * half.min() if shape.is_round else (np.abs(own) - half).max(0)
        cover = np.clip(0.5 - outside, 0, 1)  # an edge is a pixel wide
        seen = cover > 0
        drawn = _sampled(shape.texture, own[0][seen] + SIDE / 2, own[1][seen] + SIDE / 2)
        picture[seen] += cover[seen][:, None] * (drawn - picture[seen])
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def _turned(down: np.ndarray, right: np.ndarray, turns: float) -> Float32[np.ndarray, "2 h w"]:
    angle = 2 * np.pi * turns
    down, right = np.cos(angle) * down - np.sin(angle) * right, np.sin(angle) * down + np.cos(angle) * right
    return np.stack([down, right]).astype(np.float32)


def _texture(picture: Image.Image, short_side: float) -> Float32[Tensor, "1 3 h w"]:
    """The picture, its short side so many pixels."""
    scale = short_side / min(picture.size)
    size = (max(SIDE, round(scale * picture.width)), max(SIDE, round(scale * picture.height)))
    return to_tensor(to_rgb(picture).resize(size, Image.Resampling.BICUBIC)).float()[None]


def _sampled(
    texture: Float32[Tensor, "1 3 h w"], rows: Float32[np.ndarray, "*n"], columns: Float32[np.ndarray, "*n"]
) -> Float32[np.ndarray, "*n 3"]:
    """The texture at places between its pixels, bilinear; beyond its edges as in a mirror."""
    height, width = texture.shape[2:]
    places = np.stack([2 / (width - 1) * columns - 1, 2 / (height - 1) * rows - 1], -1).reshape(1, 1, -1, 2)
    found = F.grid_sample(
        texture, torch.from_numpy(places.astype(np.float32)), padding_mode="reflection", align_corners=True
    )
    return found[0, :, 0].T.numpy().reshape(*rows.shape, 3)
