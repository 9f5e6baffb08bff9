"""What trains and what tests: splits that data come with, those that somebody chose, or else every fifth by a rule."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

import numpy as np

from benchmarks.data.checking import Named, Usable
from benchmarks.data.config import DataError

Part = Literal["train", "test", "all"]
"""What a run trains on, what it tests on, or both."""

Items = TypeVar("Items", bound=Named)
Other = TypeVar("Other", bound=Named)

Some = Callable[[Items, Sequence[int]], Items]
"""Makes those with some numbers of others."""


@dataclass(frozen=True)
class Division(Generic[Items]):
    """Items to train on and to test on, and the rule that chose them, in words.

    Attributes:
        open_train: Opens those to train on, which a mere test has no need of. Raises DataError where there are none.
        test: Those to test on.
        split: What trains and what tests.
        open_all: Opens all of them, in their order.
        comes_split: Whether they come with a part for tests, not chosen by a rule.
        others: Splits that come with them and neither train nor test.
        classes: Names of the classes by number, where the data set has them.
    """

    open_train: Callable[[], Items]
    test: Items
    split: str
    open_all: Callable[[], Items]
    comes_split: bool
    others: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    def of(self, make: Callable[[Items], Other]) -> Division[Other]:
        """The same division of what is made of the items."""
        return Division(
            lambda: make(self.open_train()),
            make(self.test),
            self.split,
            lambda: make(self.open_all()),
            self.comes_split,
            self.others,
            self.classes,
        )

    @property
    def choice(self) -> str:
        """The split and what else could be chosen, for the screen."""
        return self.split + (f"; not taken: {', '.join(self.others)}" if self.others else "")

    @property
    def measured(self) -> Part:
        """What is to be measured unless somebody says otherwise: all, or the part that they come with for tests."""
        return "test" if self.comes_split else "all"

    def part(self, part: Part) -> Items:
        """Those of a part. Raises DataError where there are none."""
        if part == "train":
            return self.open_train()
        return self.test if part == "test" else self.open_all()


def divide(
    open_splits: Callable[..., Items],
    splits: Sequence[str],
    some: Some[Items],
    *,
    noun: str,
    order: str,
    known: Collection[str] = (),
    mark: str = "",
) -> Division[Items]:
    """By the split that trains and the one that tests, or by every fifth item.

    Args:
        open_splits: Opens the items of splits, in their order; of no splits all. May raise DataError.
        splits: The two; or one that is to be divided; or none, where all of them are.
        noun: What an item is called.
        order: How they are sorted.
        known: Splits that come with them.
        mark: What is written behind the name of a split.
    """
    others = tuple(f"{split}{mark}" for split in known if splits and split not in splits)
    if len(splits) < 2:
        return replace(divide_every_fifth(open_splits(*splits), some, noun=noun, order=order), others=others)
    train, test = splits
    return Division(
        lambda: open_splits(train),
        open_splits(test),
        f"{train}{mark} trains, {test}{mark} tests",
        lambda: open_splits(train, test),
        comes_split=True,
        others=others,
    )


def divide_every_fifth(items: Items, some: Some[Items], *, noun: str, order: str) -> Division[Items]:
    """Of items that come without a split. Arguments as `divide`."""
    numbers = range(len(items))

    def open_train() -> Items:
        if len(items) < 2:
            raise DataError(f"only one {noun}: at least one is needed to train on and one to test on")
        return some(items, [number for number in numbers if number % 5])

    return Division(
        open_train,
        some(items, numbers[::5]),
        f"every fifth {noun} by {order} is test (index % 5 == 0), the others train",
        lambda: items,
        comes_split=False,
    )


def take_evenly(items: Items, limit: int | None, some: Some[Items]) -> Items:
    """At most `limit` of them, evenly spaced, so that a set sorted by class, speaker or scene keeps each of these."""
    if limit is None or limit >= len(items):
        return items
    return some(items, (np.arange(limit) * len(items) // limit).tolist())


def usable_of(items: Items, usable: Usable[Any], some: Some[Items]) -> Items:
    """Those that could be read."""
    return some(items, list(usable.results)) if usable.skipped else items


def require_splits(asked: Collection[str], known: Collection[str], source: str) -> None:
    """Raise DataError where a split that was asked for is not there."""
    for split in asked:
        if split not in known:
            how = f"only {', '.join(known)}: #TRAIN,TEST chooses two, #ONE one to divide" if known else "nor any other"
            raise DataError(f"{source} has no split {split}, {how}")
