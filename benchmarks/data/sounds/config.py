"""What sounds to train and test on, as the command line and the record know it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro
from annotated_types import Interval

from autoencoders.ranges import Count, check_ranges
from quantizers.options import MAX_PARTS

SOUND_SOURCES = (
    '"synthetic" (speech-like sound made by a program), a folder of WAV, FLAC, Ogg (Vorbis, Opus) or MP3 files or of '
    'tar files, a tar file or several ("shards-{000..009}.tar", quoted), a folder of datasets.save_to_disk, or '
    '"huggingface:NAME[:column]"; behind it #TRAIN,TEST chooses its splits'
)
"""What `source` may be, for people."""


@dataclass(frozen=True)
class SoundConfig:
    """Which sounds, at which rate, and how they are cropped for training."""

    source: Annotated[str, tyro.conf.arg(aliases=["--data"], help=SOUND_SOURCES)] = "synthetic"
    """One of `SOUND_SOURCES`."""

    sample_rate: Annotated[int, Interval(ge=4_000, le=384_000)] = 16_000
    """Samples a second that all sounds are resampled to, in Hz."""

    channels: Annotated[int, Interval(ge=1, le=2)] = 1
    """1: mono, the mean of both channels of a stereo file. 2: stereo, a mono file in both channels."""

    crop_samples: Count = 16_000
    """Samples of a training crop, of each channel. Shorter sounds are left out."""

    test_seconds: Annotated[float, Interval(gt=0, le=86_400)] | None = None
    """Of a test sound at most the first so many seconds. None: all of it."""

    limit_train: Count | None = None
    """Train on at most this many sounds, taken evenly from all."""

    limit_test: Count | None = None
    """Test on at most this many sounds, taken evenly from all."""

    root: Path | None = None
    """Where Hugging Face keeps its files. None: its usual cache."""

    workers: Annotated[int, Interval(ge=0, le=MAX_PARTS)] | None = None
    """Loading processes per training process. None: as many as the device and the data call for."""

    def __post_init__(self) -> None:
        """Take paths as text or not, as they come; refuse values that cannot work."""
        object.__setattr__(self, "source", os.fspath(self.source))
        object.__setattr__(self, "root", None if self.root is None else Path(self.root))
        check_ranges(self)

    @property
    def of_backbone(self) -> dict[str, int]:
        """What a backbone must be told of the sounds, by the names that it has for that."""
        return {"sample_rate": self.sample_rate, "in_channels": self.channels}

    @property
    def extent(self) -> tuple[int, ...]:
        """Of a training crop along its axis."""
        return (self.crop_samples,)

    @property
    def size(self) -> str:
        """Of a training crop, in words."""
        return f"{self.crop_samples:,} samples"

    def elsewhere(self, source: str) -> SoundConfig:
        """The same sounds in another place."""
        return replace(self, source=source, root=None)
