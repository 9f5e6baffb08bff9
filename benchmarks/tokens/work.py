"""What is made, one file of codes after the other, by whatever process: it is sent to others as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import torch

from autoencoders import Tokenizer
from benchmarks.data import DataError
from benchmarks.metrics.device import full_float32
from benchmarks.training.signals import PartData
from benchmarks.training.signals.signal import CodedItems, Signal
from priors.token_writer import Coded, TokenSetWriter
from storage.paths import printable


class Classes(NamedTuple):
    """Names of the classes by label."""

    names: tuple[str, ...]

    def label(self, of_picture: str | int) -> int:
        """The label of a class, given by its name or number. DataError for a number that has no name."""
        if isinstance(of_picture, str):
            return self.names.index(printable(of_picture))
        if of_picture >= len(self.names):
            raise DataError(f"a picture is of class {of_picture}, and there are {len(self.names)}, from 0 on")
        return of_picture

    def labels(self, data: Any, places: Sequence[int]) -> list[int]:
        """Those of the pictures at some places."""
        return [self.label(data.test.pictures.class_of(place)) for place in places]


@dataclass(frozen=True)
class Work:
    """A token set to be made.

    Attributes:
        tokenizer: In eval mode.
        signal: What is done with its kind of data.
        data: Of `signal.open_part`.
        classes: None where no labels are stored.
        writer: Which pictures make which file.
        batch_size: Pictures or clips of a batch. No batch is of two files, so that files do not depend on which of them
            one process makes.
    """

    tokenizer: Tokenizer
    signal: Signal
    data: PartData
    classes: Classes | None
    writer: TokenSetWriter
    batch_size: int

    @torch.no_grad()
    def make(self, numbers: Sequence[int], device: torch.device, advance: Callable[[int], None]) -> None:
        """Make some of the files.

        Args:
            numbers: Which.
            device: Where the tokenizer encodes.
            advance: Called with the number of items of each batch that is done.
        """
        self.tokenizer.to(device)
        batches = chain.from_iterable(self._batches(number) for number in numbers)
        coded = self.signal.codes(self.tokenizer, self.data, [*batches])  # one loader for all, which reads ahead
        with full_float32():
            for number in numbers:
                self.writer.write(number, self._items(coded, len(self.writer.places(number)), advance))

    def _batches(self, number: int) -> Iterator[range]:
        places = self.writer.places(number)
        for start in range(places.start, places.stop, self.batch_size):
            yield range(start, min(start + self.batch_size, places.stop))

    def _items(self, coded: CodedItems, count: int, advance: Callable[[int], None]) -> Iterator[Coded]:
        """The next so many items, with their labels and names."""
        while count > 0:
            places, codes = next(coded)
            names = [printable(self.data.test.name(place)) for place in places]
            yield codes, None if self.classes is None else self.classes.labels(self.data, places), names
            count -= len(names)
            advance(len(names))
