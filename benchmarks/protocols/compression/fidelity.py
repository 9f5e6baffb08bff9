"""What a protocol of one signal says of a file and of what came back from it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import torch

Numbers = dict[str, float]
"""Of one item, by metric; NaN where it has none."""

Item = TypeVar("Item")


class Coder(Protocol[Item]):
    """From an item to a file and back."""

    def encode(self, item: Item, /) -> bytes: ...

    def decode(self, data: bytes, /) -> Item: ...


class Through(NamedTuple):
    """What came of an item as a file and back.

    Attributes:
        size: of the file in bytes.
        numbers: of fidelity.
        encode_seconds: from the item to the file.
        decode_seconds: and back.
    """

    size: int
    numbers: Numbers
    encode_seconds: float
    decode_seconds: float


class Fidelity(ABC, Generic[Item]):
    """The numbers of single items, in the units of their signal.

    Args:
        device: where tokenizers are.
        missing: metric -> why no item has it.
    """

    def __init__(self, device: torch.device, missing: Mapping[str, str]) -> None:
        self.device, self.missing = device, dict(missing)

    @abstractmethod
    def __call__(self, decoded: Item, original: Item) -> Numbers:
        """How far an item is from what it was."""

    def through(self, coder: Coder[Item], item: Item) -> Through:
        """An item as a file and back, timed, and how far it is then from what it was."""
        begin = time.perf_counter()
        data = coder.encode(item)
        written = time.perf_counter()
        decoded = coder.decode(data)
        read = time.perf_counter()
        return Through(len(data), self(decoded, item), written - begin, read - written)

    def there_and_back(self, coder: Coder[Item], item: Item) -> None:
        """An item as a file and back, and no more."""
        coder.decode(coder.encode(item))

    @abstractmethod
    def cost(self, item: Item, size: int, encode_seconds: float, decode_seconds: float) -> Numbers:
        """What its file costs, of so many bytes, and the time there and back."""

    @abstractmethod
    def mean(self, name: str, values: np.ndarray) -> tuple[float | None, str | None]:
        """A metric over all items, each counting the same; and what is to be said of those that have no number."""
