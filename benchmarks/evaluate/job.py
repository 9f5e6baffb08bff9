"""One evaluation to be done: what makes the reconstructions, of which pictures, and what its record says of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch

from autoencoders import Tokenizer
from benchmarks.data import EvaluationData, items_to_test, test_batches
from benchmarks.data.films import FilmTestData
from benchmarks.data.sounds import SoundTestData
from benchmarks.protocols.audio import coded as audio
from benchmarks.protocols.reconstruction.pairs import Pairs, reconstructed
from benchmarks.protocols.signals import Coded
from benchmarks.protocols.video import coded as video
from benchmarks.records.record import Environment, Record, SignalName

Tested = EvaluationData | SoundTestData | FilmTestData
"""What a tokenizer is measured on."""


@dataclass(frozen=True)
class Place:
    """Which part of the pictures this process takes, and where."""

    device: torch.device
    rank: int
    world_size: int
    batch_size: int


class Started(NamedTuple):
    """Pictures and what became of them, from this process's first on that is not done, or all of its sounds or clips;
    the tokenizer at work (none where there are reconstructions alone), and the central part that metrics of sets take
    of pictures of several sizes."""

    pairs: Iterator[Pairs] | Iterator[Coded]
    tokenizer: Tokenizer | None
    crop: tuple[int, int] | None = None


class Job(Protocol):
    """An evaluation."""

    @property
    def name(self) -> str:
        """What the screen calls it."""

    @property
    def path(self) -> Path:
        """Where its record belongs."""

    @property
    def data(self) -> dict[str, Any]:
        """What the record says of the pictures, sounds or films."""

    @property
    def signal(self) -> SignalName:
        """What it is of."""

    @property
    def content(self) -> str:
        """Digest of the weights, or of the reconstructions."""

    def is_of(self, record: Record) -> bool:
        """Whether what is stored under its name is of this content, as far as the record says."""

    def start(self, place: Place, done: int) -> Started:
        """Begin, `done` of this process's pictures being measured already.

        Raises:
            WeightsError: a file that is not the tokenizer's.
        """

    def record(self, tokenizer: Tokenizer | None, environment: Environment) -> Record:
        """The record, but for what is measured."""


class TokenizerJob(Job, Protocol):
    """An evaluation of a tokenizer, which can also be measured in other ways."""

    @property
    def measured_on(self) -> Tested:
        """The pictures, sounds or films."""

    @property
    def label(self) -> str:
        """The tokenizer in words."""

    def tokenizer(self) -> Tokenizer:
        """The tokenizer in eval mode, on the CPU.

        Raises:
            WeightsError: a file that is not the tokenizer's.
        """


def through(tokenizer: Tokenizer, data: Tested, place: Place, done: int) -> Started:
    """Pictures, or sounds, through a tokenizer."""
    tokenizer = tokenizer.to(place.device)
    if isinstance(data, EvaluationData):
        batches = test_batches(data, place.batch_size, place.rank, place.world_size, done)
        return Started(reconstructed(tokenizer, batches, place.device), tokenizer)
    one_by_one = items_to_test(data, place.rank, place.world_size)
    if isinstance(data, SoundTestData):
        return Started(audio.through_tokenizer(tokenizer, one_by_one, place.device), tokenizer)
    return Started(video.through_tokenizer(tokenizer, one_by_one, place.device), tokenizer)
