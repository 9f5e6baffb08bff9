"""Speech-like sound made by this program, and called so: data on every machine, and no recording of anybody.

No package on the index was found that ships enough real recordings under a licence inside its files. So voices are made
as speech synthesis began (G. Fant 1960): pulses of a gliding pitch, or noise, through three resonances that glide from
vowel to vowel, in syllables and pauses. It has the structure that speech codecs live on (pitch, formants, onsets,
hisses, silence), and says nothing: metrics that were fitted to speech mean little on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

import numpy as np
from jaxtyping import Float32, Float64

from benchmarks.data.division import Division, require_splits
from benchmarks.data.sounds.reading import Head, Recording
from benchmarks.data.sounds.sources import Sounds

RATE = 16_000
"""Hz."""

SECONDS = 4
"""Of a sound."""

SPEAKERS_TO_TRAIN, SPEAKERS_TO_TEST, SOUNDS_EACH = 24, 6, 2

VERSION = 1
"""Of this program: raised whenever its sounds change."""

VOWELS = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (300, 870, 2240),
    (530, 1840, 2480),
    (570, 840, 2410),
    (490, 1350, 1690),
)
"""Three resonances of each in Hz: means over 33 men (Peterson and Barney 1952)."""

BANDWIDTHS = (80.0, 100.0, 140.0)
"""Of the resonances, in Hz."""

FRAME = RATE // 100
"""Samples that resonances stand still for."""


@dataclass(frozen=True)
class SyntheticSpeech:
    """Sounds of these speakers, `SOUNDS_EACH` of each."""

    speakers: Sequence[int]

    def __len__(self) -> int:
        return len(self.speakers) * SOUNDS_EACH

    def _of(self, index: int) -> tuple[int, int]:
        speaker, utterance = divmod(index, SOUNDS_EACH)
        return self.speakers[speaker], utterance

    def name(self, index: int) -> str:
        speaker, utterance = self._of(index)
        return f"voice {speaker:02} sound {utterance}"

    def head(self, index: int) -> Head:
        return Head(SECONDS * RATE, RATE)

    def read(self, index: int) -> Recording:
        return Recording(make_speech(*self._of(index))[None], RATE)

    def stored(self, index: int) -> BinaryIO:
        return BytesIO(f"synthetic speech {VERSION}, {self.name(index)}".encode())


def open_synthetic(splits: Sequence[str] = ()) -> Division[Sounds]:
    """The synthetic voices; those that test are others than those that train. DataError for other splits."""
    require_splits(splits, (), "synthetic")
    last = SPEAKERS_TO_TRAIN + SPEAKERS_TO_TEST
    return Division(
        lambda: SyntheticSpeech(range(SPEAKERS_TO_TRAIN)),
        SyntheticSpeech(range(SPEAKERS_TO_TRAIN, last)),
        f"{SPEAKERS_TO_TRAIN} synthetic voices train, {SPEAKERS_TO_TEST} others test",
        lambda: SyntheticSpeech(range(last)),
        comes_split=True,
    )


def make_speech(speaker: int, utterance: int) -> Float32[np.ndarray, " n"]:
    """`SECONDS` of a voice at `RATE`, peak 0.5; the same for the same numbers."""
    voice = np.random.default_rng((VERSION, speaker))
    pitch, size = 90 * 2.3 ** voice.random(), 1 + 0.2 * voice.random()  # Hz; a shorter tract resonates higher
    random = np.random.default_rng((VERSION, speaker, utterance))
    syllables: list[np.ndarray] = []
    while sum(len(part) for part in syllables) < SECONDS * RATE:
        syllables.append(_syllable(random, pitch, size))
        if random.random() < 0.25:
            syllables.append(1e-4 * random.standard_normal(int(RATE * random.uniform(0.1, 0.3))))  # a pause
    sound = np.concatenate(syllables)[: SECONDS * RATE]
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def _syllable(random: np.random.Generator, pitch: float, size: float) -> Float64[np.ndarray, " n"]:
    """A hiss, half of the time, and a voiced sound that glides between two vowels."""
    length = int(RATE * random.uniform(0.12, 0.3))
    time = np.arange(length) / length
    glide = pitch * np.exp(random.uniform(-0.2, 0.2) + random.uniform(-0.2, 0.2) * time)
    phase = np.cumsum(glide / RATE)
    pulses = np.diff(np.floor(phase), prepend=0) - glide / RATE + 0.02 * random.standard_normal(length)
    start, end = (size * np.array(VOWELS[place]) for place in random.integers(len(VOWELS), size=2))
    voiced = _resonances(pulses, [start + (end - start) * at for at in time[::FRAME]], BANDWIDTHS)
    voiced *= random.uniform(0.4, 1) * np.sin(np.pi * time) ** 0.5 / np.abs(voiced).max()
    if random.random() < 0.5:
        return voiced
    noise = random.standard_normal(int(RATE * random.uniform(0.05, 0.12)))
    hiss = _resonances(noise, [np.array([random.uniform(2500, 6000)])] * (len(noise) // FRAME + 1), (1200.0,))
    hiss *= random.uniform(0.05, 0.2) * np.sin(np.pi * np.arange(len(hiss)) / len(hiss)) / np.abs(hiss).max()
    return np.concatenate([hiss, voiced])


def _resonances(
    source: Float64[np.ndarray, " n"], frequencies: Sequence[np.ndarray], bandwidths: Sequence[float]
) -> Float64[np.ndarray, " n"]:
    """The source through resonances of two poles, one after the other; `frequencies` of each frame in Hz."""
    from scipy.signal import lfilter

    for place, bandwidth in enumerate(bandwidths):
        radius = np.exp(-np.pi * bandwidth / RATE)
        parts, state = [], np.zeros(2)
        for frame, hertz in enumerate(frequencies):
            poles = [1, -2 * radius * np.cos(2 * np.pi * hertz[place] / RATE), radius**2]
            part, state = lfilter([sum(poles)], poles, source[frame * FRAME : (frame + 1) * FRAME], zi=state)
            parts.append(part)
        source = np.concatenate(parts)
    return source
