"""What a signal says of itself whose codes are stored and modelled."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from jaxtyping import Int64
from torch import Tensor

from autoencoders import Tokenizer
from benchmarks.data.checking import Named
from benchmarks.data.pictures import Part
from benchmarks.training.signals.signal import Signal
from priors.image_ids import Side

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
    """

    sizes: ClassVar[tuple[str, ...]]
    shard_items: ClassVar[int]

    @abstractmethod
    def elsewhere(self, own: Any, source: str, limit: int | None, root: Path | None) -> Any:
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


def device_of(tokenizer: Tokenizer) -> torch.device:
    """Where a tokenizer is; one without weights takes signals anywhere."""
    return next((tensor.device for tensor in tokenizer.state_dict().values()), torch.device("cpu"))
