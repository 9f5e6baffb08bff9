"""Data sets of rows, as torchvision and Hugging Face `datasets` give them: their usual splits, and their classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from benchmarks.data.config import DataError

TEST_SPLITS = ("test", "validation", "valid", "val")


@dataclass(frozen=True)
class Labels:
    """Numbers of the classes of rows, at the key `column`, and the names of the classes where these are known."""

    rows: Sequence[Any]
    column: int | str
    names: tuple[str, ...]

    def class_of(self, index: int, name: str) -> int:
        """Of the row of that name. Raises DataError where it is not known."""
        number = self.rows[index][self.column]
        if not isinstance(number, Integral) or number < 0:  # data sets write -1 where the label is kept secret
            raise DataError(f"the class of {name} is not known")
        return int(number)


def one_line(error: BaseException) -> str:
    """What an error of another library says, in a line."""
    return " ".join(str(error).split())[:300] or type(error).__name__
