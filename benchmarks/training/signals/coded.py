"""What a signal says of itself whose codes are stored and modelled."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor

from autoencoders import Tokenizer
from benchmarks.data.checking import Named
from benchmarks.data.division import Part
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.generation.drawing import SamplingSpeed
from benchmarks.protocols.generation.metrics import GenerationMetrics
from benchmarks.training.signals.signal import Signal
from priors.image_ids import Side
from storage.paths import StrPath

CodedItems = Iterator[tuple[Sequence[int], list[Int64[Tensor, "b n ..."]]]]
"""Places in a data set, and the code maps of what is there."""


class PartData(Protocol):
    """A part of a data set, as the protocol takes it."""

    @property
    def test(self) -> Named:
        """The items."""

    @property
    def record(self) -> dict[str, Any]:
        """What they are; JSON-able."""

    @property
    def words(self) -> str:
        """How many were taken by which rule, for the screen."""


class CodedSignal(Signal):
    """A signal whose codes are stored and modelled.

    Attributes:
        sizes: What its data's record says of how large an item is.
        shard_items: Of a file of a token set, about.
        item: What one is called among stored arrays.
        suffix: Of a file with one item.
    """

    sizes: ClassVar[tuple[str, ...]]
    shard_items: ClassVar[int]
    item: ClassVar[str]
    suffix: ClassVar[str]

    @abstractmethod
    def elsewhere(self, own: Any, source: str, limit: int | None, root: StrPath | None) -> Any:
        """The data of another source, of the size that a tokenizer has been made for.

        Args:
            own: Data of that size.
            limit: Take at most so many, evenly.
            root: Where data sets by name keep their files.
        """

    @abstractmethod
    def open_part(self, config: Any, part: Part) -> PartData:
        """Those that train, that test, or all, each once. DataError, with one sentence, where they cannot be used."""

    @abstractmethod
    def grids(self, tokenizer: Tokenizer, config: Any) -> tuple[tuple[Side, ...], ...]:
        """Sides of each code map of an item, None where every item has its own. ValueError where the tokenizer cannot
        take items of that size."""

    @abstractmethod
    def codes(self, tokenizer: Tokenizer, data: Any, batch_size: int, done: int = 0) -> CodedItems:
        """The code maps of all items in order, at most so many at a time, without the first `done`.

        Args:
            tokenizer: In eval mode; on its device it is done.
            data: Of `open_part`.
        """

    @abstractmethod
    def open_training(self, config: Any) -> PartData:
        """What a run trains on, each once, to be gone through again and again."""

    @abstractmethod
    def centre_crops(self, data: Any, config: Any, batch_size: int) -> Iterator[Tensor]:
        """The middle of every item, as large as a training crop, as the data give them.

        Args:
            data: Of `open` or `open_training`.
            config: The run's.
        """

    @abstractmethod
    def to_unit_range(self, items: Tensor) -> Float[Tensor, "b c *extent"]:
        """Items as the data give them, in [-1, 1]."""

    @abstractmethod
    def to_samples(self, signals: Float[Tensor, "b c *extent"]) -> Shaped[Tensor, "b c *extent"]:
        """What a tokenizer gives as it is stored and shown. ValueError where it is not finite."""

    @abstractmethod
    def modelled(self, bits: np.ndarray, config: Any) -> dict[str, np.ndarray]:
        """What the bits of each crop's codes under a prior come to, by metric: they and their rate."""

    @abstractmethod
    def measure_generated(
        self, generated: Iterable[Tensor], real: Iterable[Tensor], weights: MetricWeights, device: torch.device
    ) -> GenerationMetrics:
        """What is measured of drawn items beside real ones, in batches of `to_samples`' form."""

    @abstractmethod
    def sampling_speeds(self, speed: SamplingSpeed, config: Any) -> dict[str, float | None]:
        """How fast items are drawn, in the signal's units."""

    @abstractmethod
    def stored_with(self, config: Any) -> dict[str, np.ndarray]:
        """What else is to be known of stored samples, by name."""

    @abstractmethod
    def save_item(self, path: StrPath, item: np.ndarray, about: str, config: Any) -> None:
        """Write one item as a file that says what it is; makes the folder where it is missing."""

    @abstractmethod
    def about_item(self, path: StrPath) -> str | None:
        """What such a file says it is; None of others."""


def device_of(tokenizer: Tokenizer) -> torch.device:
    """Where a tokenizer is; one without weights takes signals anywhere."""
    return next((tensor.device for tensor in tokenizer.state_dict().values()), torch.device("cpu"))
