"""What is known of one published tokenizer."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from autoencoders.tokenizer import Tokenizer

REWRITTEN = "latents, codes and pictures on random weights, with a reference written from the source"
"""How most tokenizers of pictures are verified."""

HUB = "https://huggingface.co"
"""Where many files are to be had."""


@dataclass(frozen=True)
class Pictures:
    """The pictures that a tokenizer was trained on."""

    kind: ClassVar[Literal["pictures"]] = "pictures"
    image_size: int
    """Side in pixels."""
    stride: int
    """Pixels per position of its finest map of codes, along each side."""

    def __str__(self) -> str:
        return f"{self.image_size} px"


@dataclass(frozen=True)
class Sounds:
    """The sounds that a tokenizer takes."""

    kind: ClassVar[Literal["sounds"]] = "sounds"
    sample_rate: int
    """Samples a second, in Hz, of each channel."""
    channels: int
    """1 for mono, 2 for stereo."""
    codes_per_second: float
    """Of all its maps together, with all its codebooks."""

    def __str__(self) -> str:
        return f"{self.sample_rate / 1000:g} kHz {'mono' if self.channels == 1 else 'stereo'}"


@dataclass(frozen=True)
class Films:
    """The clips that a tokenizer is measured on: those that its authors say its quality on, or else comparable ones."""

    kind: ClassVar[Literal["films"]] = "films"
    frame_size: int
    """Side of the square frames, in pixels."""
    clip_frames: int
    """Frames of a clip."""
    frames_per_second: float
    """That clips have."""
    strides: tuple[int, int, int]
    """Frames and pixels per position of its codes, along each axis; the first frame has positions of its own."""

    def __str__(self) -> str:
        return f"{self.clip_frames} frames of {self.frame_size} px"


Signals = Pictures | Sounds | Films
"""What a tokenizer codes, and at which sizes."""


@dataclass(frozen=True)
class Pretrained:
    """A tokenizer whose weights somebody published: how to load them, and where they are."""

    name: str
    """What it is called here: code base, data or size, stride or sample rate, and codebook."""
    load: Callable[[Path], Tokenizer]
    """The tokenizer in eval mode from its file (or folder); WeightsError with a sentence where it is not in there.
    Signals go in and come out in [-1, 1], whatever the authors' own code takes."""
    signals: Signals
    """What it codes."""
    codes: str
    """Values that a code can take; where a position or a picture has several codes, how many."""
    paper: str
    """Authors, year and arXiv number."""
    licence: str
    """Of the weights, or of the authors' code where they say nothing of the weights."""
    source: str
    """Where the file is to be had: the page, and the file's name there."""
    verified: str | None
    """How the equality with the authors' network is proved in the tests; None where it is not."""


@dataclass(frozen=True)
class Loader:
    """What loads a file: a function of a module of this package, which is imported only then."""

    place: str
    """`module:function`."""
    options: Mapping[str, Any]

    @classmethod
    def of(cls, place: str, **options: Any) -> Loader:
        """The function with some of its options chosen."""
        return cls(place, options)

    def __call__(self, path: Path) -> Tokenizer:
        module, _, name = self.place.partition(":")
        function = getattr(importlib.import_module(f"autoencoders.pretrained.{module}"), name)
        tokenizer: Tokenizer = function(path, **self.options)
        return tokenizer


@dataclass(frozen=True)
class Codebook:
    """What a checkpoint's quantizer is."""

    size: int
    dim: int
    quantizer: Literal["vq", "gumbel"] = "vq"
