"""What a signal says of itself to a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped
from PIL import Image
from torch import Tensor

from autoencoders import Tokenizer, TrainingLoss
from benchmarks.data.batches import TrainingData
from benchmarks.data.checking import Named
from benchmarks.data.division import Part
from benchmarks.data.machine import Parallel, in_threads
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.generation.drawing import SamplingSpeed
from benchmarks.protocols.generation.metrics import GenerationMetrics
from benchmarks.records.baselines import KMEANS, MDCT_KMEANS
from benchmarks.training.execution import Execution
from benchmarks.training.settings import PresetName, RunConfig, Settings, TrainConfig
from priors.image_ids import Side
from storage.paths import StrPath

Model = Any
"""What is measured: a `Tokenizer`, or a codec in daily use, which the signal's protocol measures too."""


CodedItems = Iterator[tuple[Sequence[int], list[Int64[Tensor, "b n ..."]]]]
"""Places in a data set, and the code maps of what is there."""


class SignalData(TrainingData, Protocol):
    """What a run trains and tests on, open and checked."""

    @property
    def test(self) -> Sized:
        """What it is tested on."""

    @property
    def record(self) -> dict[str, Any]:
        """What they are and how they were chosen, cropped and checked; JSON-able."""

    @property
    def words(self) -> str:
        """How many of them were taken by which rule, for the screen."""


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

    @property
    def workers(self) -> int | None:
        """Loading processes asked for; None: by rule."""


class Measured(Protocol):
    """What a protocol measures of a model on a test set."""

    @property
    def metrics(self) -> dict[str, float | None]:
        """Of the whole set."""

    @property
    def missing(self) -> dict[str, str]:
        """Metric -> why it is None, and how to get it."""

    @property
    def notes(self) -> dict[str, str]:
        """Metric -> what to know before reading it."""

    def arrays(self) -> dict[str, np.ndarray]:
        """What is stored beside a record of it, by name."""

    def save_samples(self, path: StrPath, name: str) -> None:
        """The picture beside the record at `path`: test items and what this model, so named, made of them."""


class Signal(ABC):
    """What belongs to one kind of signal in a run.

    Attributes:
        protocol: Under which tokenizers are measured.
        noun: What the data are, several, as their records have it.
        crops: What a training shows of them, in words.
        baselines: The names of its baselines.
        codecs: Those of them that are codecs, each with the options of all its rates.
        options: Of quantizers, where the field uses others with this signal than the quantizer's defaults.
        memory_format: Of signals, in which convolutions are faster.
        sizes: What its data's record says of how large an item is.
        shard_items: Of a file of a token set, about.
        item: What one is called among stored arrays.
        suffix: Of a file with one item.
    """

    protocol: ClassVar[str]
    noun: ClassVar[str]
    crops: ClassVar[str]
    baselines: ClassVar[tuple[str, ...]]
    codecs: ClassVar[Mapping[str, Sequence[Mapping[str, Any]]]] = {}
    options: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    memory_format: ClassVar[torch.memory_format] = torch.channels_last
    sizes: ClassVar[tuple[str, ...]]
    shard_items: ClassVar[int]
    item: ClassVar[str]
    suffix: ClassVar[str]

    @abstractmethod
    def open(self, config: Any) -> SignalData:
        """The data of a run. DataError, with one sentence, where they cannot be used."""

    def choose_loss(self, asked: Any, lpips_backbone: StrPath | None) -> tuple[Any, dict[str, str]]:
        """The loss's settings with all that depends on files at hand decided, and why, to be stored with a run.

        Args:
            asked: As flags or a record say them.
            lpips_backbone: Where LPIPS's backbone is, if elsewhere.

        Raises:
            ValueError: a file that is asked for is not there.
        """
        return asked, {}

    @abstractmethod
    def make_loss(self, settings: Settings) -> TrainingLoss:
        """The losses of a training."""

    def memory(self, settings: Settings, part: int, precision: torch.dtype) -> int | None:
        """Bytes that a training step on so many items takes; None where that is not known beforehand."""
        return None

    @abstractmethod
    def to_float(self, batch: Shaped[Tensor, "b ..."], device: torch.device) -> Float[Tensor, "b c *extent"]:
        """What a tokenizer is given, in [-1, 1] on the device, of a batch as the data give it."""

    def baseline_runs(
        self, preset: PresetName, settings: Settings, rates: Iterable[int | None], names: Iterable[str] | None = None
    ) -> list[RunConfig]:
        """The runs of the baselines beside those of the settings, at those of these rates (bits per position) that they
        can have; or of some that are named, at these rates whether they can or not."""
        if names is None:
            rates = [rate for rate in rates if rate is not None and self.has_kmeans(settings, rate)]
        rates = list(dict.fromkeys(rates))
        runs = []
        for name in dict.fromkeys(self.baselines if names is None else names):
            at = rates if name in (KMEANS, MDCT_KMEANS) else (None,)
            for options in self.codecs.get(name, ({},)):
                runs += [RunConfig(name, bits, dict(options), 0, preset, settings) for bits in at]
        return runs

    @abstractmethod
    def has_kmeans(self, settings: Settings, bits: int) -> bool:
        """Whether its k-means can have this rate, in bits per position."""

    @abstractmethod
    def make_baseline(self, run: RunConfig) -> Model:
        """The model of a baseline, not yet fitted. ValueError on a rate that it cannot have."""

    @abstractmethod
    def fitting_items(self, settings: Settings) -> int:
        """Training items that a baseline is fitted on: whole batches, no more than the others are trained on."""

    @abstractmethod
    def evaluate(
        self, model: Model, data: Any, settings: Settings, execution: Execution, progress: Callable[[int], None]
    ) -> Measured:
        """Measure a model under the protocol; called by all processes, and the same on each.

        Args:
            progress: Called on each with the number of test items of every batch done.
        """

    @abstractmethod
    def measure_speed(
        self, model: Model, data: Any, settings: Settings, device: torch.device
    ) -> dict[str, float | None]:
        """How fast a model is, and what memory it takes; nothing where the protocol does not time it."""

    @abstractmethod
    def draw(self, data: Any, name: str, reconstruct: Callable[[Tensor], Tensor]) -> Image.Image:
        """A few test items and what a model makes of them.

        Args:
            name: Of the quantizer.
            reconstruct: From a batch as the data give it to what the model makes of it, in [-1, 1] on the CPU.
        """

    @abstractmethod
    def elsewhere(self, own: Any, source: str, limit: int | None, root: StrPath | None) -> Any:
        """The data of another source, of the size that a tokenizer has been made for.

        Args:
            own: Data of that size.
            limit: Take at most so many, evenly.
            root: Where data sets by name keep their files.
        """

    @abstractmethod
    def find(self, config: Any) -> None:
        """Fetch data by name where they are not here yet. DataError, with one sentence, where they cannot be had."""

    @abstractmethod
    def open_part(self, config: Any, part: Part, parallel: Parallel = in_threads) -> PartData:
        """Those that train, that test, or all, each once. DataError, with one sentence, where they cannot be used.

        Args:
            parallel: What decodes and checks them.
        """

    @abstractmethod
    def grids(self, tokenizer: Tokenizer, config: Any) -> tuple[tuple[Side, ...], ...]:
        """Sides of each code map of an item, None where every item has its own. ValueError where the tokenizer cannot
        take items of that size."""

    @abstractmethod
    def codes(self, tokenizer: Tokenizer, data: Any, batches: Sequence[Sequence[int]]) -> CodedItems:
        """The code maps of items in order, a batch at a time; items of several lengths one by one.

        Args:
            tokenizer: In eval mode; on its device it is done.
            data: Of `open_part`.
            batches: Places of the items of each.
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


def whole_batches(train: TrainConfig, items: int) -> int:
    """At least so many training items, in whole batches; no more than the training has."""
    return min(train.steps, -(-items // train.batch_size)) * train.batch_size


def device_of(tokenizer: Tokenizer) -> torch.device:
    """Where a tokenizer is; one without weights takes signals anywhere."""
    return next((tensor.device for tensor in tokenizer.state_dict().values()), torch.device("cpu"))
