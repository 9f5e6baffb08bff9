"""What a signal says of itself to `measure`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from rich.console import Console

from autoencoders import Tokenizer
from benchmarks.protocols.compression.fidelity import Coder, Fidelity
from benchmarks.protocols.compression.samples import Arrays
from benchmarks.protocols.compression.tokenizer_codec import TokenizerCodec
from benchmarks.records.compression import CodecCoder, CodecName, Sample
from benchmarks.records.record import Record, SignalName
from priors.code_models import CodeModel

Settings = dict[str, dict[str, int]]
"""Points in the order in which they are measured: name -> what sets the rate."""


class Items(Protocol):
    """What is coded, by number, and what the record says of it."""

    @property
    def record(self) -> dict[str, Any]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Any: ...


@dataclass(frozen=True)
class RatedCodec:
    """A codec that people use.

    Attributes:
        coder: what the record says of it.
        points: the rates that it has.
        at: the coder at one of them, by its setting.
    """

    coder: CodecCoder
    points: Settings
    at: Callable[[dict[str, int]], Coder[Any]]


class MeasuredSignal(ABC):
    """What belongs to one kind of signal in a measurement.

    Attributes:
        name: of the signal.
        codecs: names of those that people use.
        beside: what a command names beside a codec.
    """

    name: ClassVar[SignalName]
    codecs: ClassVar[Sequence[CodecName]]
    beside: tuple[str, ...] = ()

    @abstractmethod
    def open(self, source: str, limit: int | None, root: Path | None, errors: Console) -> Items:
        """All items of a source. DataError, with one sentence, where they cannot be used."""

    @abstractmethod
    def fidelity(self, lpips_backbone: Path | None, device: torch.device) -> Fidelity[Any]:
        """What is measured of each. UsageError where weights that are named are not there."""

    @abstractmethod
    def require(self, path: Path, run: Record) -> None:
        """Raise UsageError unless the tokenizer of a stored run is of these signals."""

    @abstractmethod
    def tokenizer_codec(self, run: Record, tokenizer: Tokenizer, model: CodeModel) -> TokenizerCodec[Any]:
        """The tokenizer of a stored run, or one made of it, under a model of its codes."""

    @abstractmethod
    def codec(self, name: CodecName) -> RatedCodec:
        """The codec of that name."""

    @abstractmethod
    def samples(
        self, coder: TokenizerCodec[Any], items: Items, codecs: Sequence[CodecName]
    ) -> tuple[tuple[Sample, ...], Arrays]:
        """What is to be shown of a tokenizer beside these codecs at equal bytes; nothing where nothing is."""

    @abstractmethod
    def in_words(self, metrics: Mapping[str, float | None]) -> str:
        """Rate and quality, for a log."""
