"""Films as map-style data sets of uint8 clips: random ones to train on, fixed ones to test on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.utils.data import Dataset

from benchmarks.data.checking import next_usable
from benchmarks.data.films.config import FilmConfig
from benchmarks.data.films.reading import Head, Sampling, require_side
from benchmarks.data.films.sources import Films
from benchmarks.data.sampling import SampleKey, crop_random

Clip = UInt8[Tensor, "3 t size size"]


def sampling_of(config: FilmConfig) -> Sampling:
    """How a configuration takes frames from films."""
    return Sampling(config.frames_per_second, config.frame_size)


def frame_count(head: Head, config: FilmConfig) -> int:
    """Frames of a film at the configuration's rate. Raises ValueError for one that is shorter than a clip, or smaller
    than its frames."""
    require_side(head.size, config.frame_size)
    count = head.frames(config.frames_per_second)
    if count < config.clip_frames:
        clip = config.clip_frames / config.frames_per_second
        raise ValueError(f"{head.seconds:.3g} s long, under the {clip:.3g} s of a clip")
    return count


def read_film(films: Films, index: int, config: FilmConfig, start: int, count: int) -> UInt8[Tensor, "3 t h w"]:
    """Some frames of a film, whole, their short side as long as `config.frame_size`."""
    frames = torch.from_numpy(films.frames(index, sampling_of(config), start, count))
    return frames.permute(3, 0, 1, 2).contiguous()


def square_of(frames: UInt8[Tensor, "3 t h w"], where: float) -> Clip:
    """The square at a place from 0 to 1 along the long side, 0.5 for the centre; an odd margin loses its extra pixel at
    the right or bottom."""
    size = min(frames.shape[2:])
    top, left = (int(where * (side - size + (where != 0.5))) for side in frames.shape[2:])
    return frames[:, :, top : top + size, left : left + size].clone()


@dataclass(frozen=True)
class TrainingClips(Dataset[Clip]):
    """Random clips, one for each sample key; `len` is the number of films."""

    films: Films
    config: FilmConfig
    counts: Sequence[int]
    """Frames of each film, at the rate of the clips."""
    decoded: Mapping[int, UInt8[Tensor, "3 _t _h _w"]] | None
    """The films, by number, where memory holds them."""

    def __len__(self) -> int:
        return len(self.films)

    def __getitem__(self, key: SampleKey) -> Clip:
        when, where, which_way = crop_random(key).random(3)
        frames = next_usable(self.films, key.item, None, partial(self._clip, when=when), "film")
        clip = square_of(frames, where)
        return clip.flip(3) if self.config.flip and which_way < 0.5 else clip

    def _clip(self, index: int, when: float) -> UInt8[Tensor, "3 t h w"]:
        start = int(when * (self.counts[index] - self.config.clip_frames + 1))
        if self.decoded is not None:
            return self.decoded[index][:, start : start + self.config.clip_frames]
        return read_film(self.films, index, self.config, start, self.config.clip_frames)


@dataclass(frozen=True)
class TestClips(Dataset[Clip]):
    """The central squares of some clips of each test film."""

    __test__ = False  # pytest: no test, though its name begins so

    films: Films
    config: FilmConfig
    places: Sequence[tuple[int, int]]
    """Of each clip: the number of its film, and its first frame at the rate of the clips."""
    clips: Sequence[Clip] | None
    """All of them, where memory holds them."""

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> Clip:
        if self.clips is not None:
            return self.clips[index]
        return test_clip(self.films, *self.places[index], self.config)

    def name(self, index: int) -> str:
        """Of a clip: its film, and when in it the clip begins."""
        film, start = self.places[index]
        return f"{self.films.name(film)} at {start / self.config.frames_per_second:.2f} s"


def test_clip(films: Films, index: int, start: int, config: FilmConfig) -> Clip:
    """A clip of a film, its central square."""
    return square_of(read_film(films, index, config, start, config.clip_frames), 0.5)


test_clip.__test__ = False  # type: ignore[attr-defined]  # pytest: no test, though its name begins so


def clip_starts(count: int, config: FilmConfig) -> list[int]:
    """First frames of the test clips of a film with so many frames: they share none, and are evenly spaced."""
    clips = count // config.clip_frames
    chosen = min(clips, config.clips_each)
    return [number * clips // chosen * config.clip_frames for number in range(chosen)]
