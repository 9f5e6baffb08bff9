"""Data sets of rows with a picture in each, as torchvision and Hugging Face `datasets` give them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from benchmarks.data.config import DataConfig, DataError
from benchmarks.data.folder import FORMATS
from benchmarks.data.pictures import Source, split_by_source, split_every_fifth

TEST_SPLITS = ("test", "validation", "valid", "val")


@dataclass(frozen=True)
class Labels:
    """Numbers of the classes of rows, at the key `column`, and the names of the classes where these are known."""

    rows: Sequence[Any]
    column: int | str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Rows:
    """A data set of rows with a picture in each, at the key `column`."""

    rows: Sequence[Any]
    split: str
    column: int | str
    labels: Labels | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, index: int) -> str:
        return f"{self.split}[{index}]"

    def open(self, index: int) -> Image.Image:
        value = self.rows[index][self.column]
        if isinstance(value, Image.Image):
            return value
        if isinstance(value, Mapping):  # Hugging Face's undecoded picture: lazy to open, as a file is
            if value["bytes"] is None:
                return Image.open(value["path"], formats=FORMATS)
            return Image.open(io.BytesIO(value["bytes"]), formats=FORMATS)
        raise ValueError(f"a {type(value).__name__} and no picture")

    def stored(self, index: int, picture: Image.Image) -> BinaryIO:
        if isinstance(self.column, int):  # torchvision's, which are decoded when they are had: not twice
            return io.BytesIO(picture.tobytes())
        value = self.rows[index][self.column]
        return Path(value["path"]).open("rb") if value["bytes"] is None else io.BytesIO(value["bytes"])

    def class_of(self, index: int) -> int:
        number = None if self.labels is None else self.labels.rows[index][self.labels.column]
        if not isinstance(number, Integral) or number < 0:  # data sets write -1 where the label is kept secret
            raise DataError(f"the class of {self.name(index)} is not known")
        return int(number)


def source_of_rows(config: DataConfig, train: str, open_train: Callable[[], Rows], test: Rows | None) -> Source:
    """By the data set's own splits, or by every fifth picture where it has but one, `train`."""
    if test is None:
        rows = open_train()
        source = split_every_fifth(rows, "number", config.min_crop)
    else:
        rows = test
        source = split_by_source(open_train, test, f"{train} trains, {test.split} tests", config.min_crop)
    return replace(source, classes=() if rows.labels is None else rows.labels.names)


def one_line(error: Exception) -> str:
    """What an error of another library says, in a line."""
    return " ".join(str(error).split())[:300] or type(error).__name__
