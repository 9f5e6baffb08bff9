"""Sounds as map-style data sets of float32 tensors: random crops to train on, whole sounds to test on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float32
from torch import Tensor
from torch.utils.data import Dataset

from benchmarks.data.checking import next_usable
from benchmarks.data.sampling import SampleKey, crop_random
from benchmarks.data.sounds.config import SoundConfig
from benchmarks.data.sounds.reading import Recording, to_signal
from benchmarks.data.sounds.sources import Sounds


def require_length(samples: int, config: SoundConfig) -> None:
    """Raise ValueError for a sound with fewer samples, at the rate of the signal, than a training crop."""
    if samples < config.crop_samples:
        seconds, crop = (f"{count / config.sample_rate:.3g}" for count in (samples, config.crop_samples))
        raise ValueError(f"{seconds} s long, under the {crop} s of a training crop")


@dataclass(frozen=True)
class TrainingSounds(Dataset[Float32[Tensor, "c n"]]):
    """Random crops, one for each sample key; `len` is the number of sounds."""

    sounds: Sounds
    config: SoundConfig
    decoded: Mapping[int, Float32[Tensor, "c _n"]] | None
    """The sounds that can be decoded, by number, where memory holds them."""

    def __len__(self) -> int:
        return len(self.sounds)

    def __getitem__(self, key: SampleKey) -> Float32[Tensor, "c n"]:
        sound = next_usable(self.sounds, key.item, self.decoded, self._decode, "sound")
        start = int(crop_random(key).integers(sound.shape[1] - self.config.crop_samples + 1))
        return sound[:, start : start + self.config.crop_samples].clone()

    def _decode(self, index: int) -> Float32[Tensor, "c n"]:
        return training_signal(self.sounds.read(index), self.config)


def training_signal(recording: Recording, config: SoundConfig) -> Float32[Tensor, "c n"]:
    """A sound as a tokenizer gets it, whole. ValueError where it is shorter than a crop."""
    signal = to_signal(recording, config.sample_rate, config.channels)
    require_length(signal.shape[1], config)
    return torch.from_numpy(signal)


@dataclass(frozen=True)
class TestSounds(Dataset[Float32[Tensor, "c _n"]]):
    """Each test sound whole, or its first `config.test_seconds`."""

    __test__ = False  # pytest: no test, though its name begins so

    sounds: Sounds
    config: SoundConfig
    signals: Mapping[int, Float32[Tensor, "c _n"]] | None
    """All of them, by number, where memory holds them."""

    def __len__(self) -> int:
        return len(self.sounds)

    def __getitem__(self, index: int) -> Float32[Tensor, "c _n"]:
        return test_signal(self.sounds.read(index), self.config) if self.signals is None else self.signals[index]

    def name(self, index: int) -> str:
        """Of a sound."""
        return self.sounds.name(index)


def test_signal(recording: Recording, config: SoundConfig) -> Float32[Tensor, "c n"]:
    """A sound as a tokenizer gets it, from its begin."""
    signal = torch.from_numpy(to_signal(recording, config.sample_rate, config.channels))
    if config.test_seconds is None:
        return signal
    return signal[:, : max(1, round(config.test_seconds * config.sample_rate))].clone()


test_signal.__test__ = False  # type: ignore[attr-defined]  # pytest: no test, though its name begins so
