"""torchvision's data sets by name."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from PIL import Image

from benchmarks.data.config import DataConfig, DataError
from benchmarks.data.division import Division, divide_every_fifth, require_splits
from benchmarks.data.pictures import Joined, Pictures, Source, Subset, source_of
from benchmarks.data.rows import TEST_SPLITS, Labels, one_line

TORCHVISION_ROOT = Path("~/.cache/torchvision").expanduser()

Split = Mapping[str, str | bool]
"""What a class takes that chooses a split; nothing where it has none."""

BY_TRAIN: Mapping[str, Split] = {"train": {"train": True}, "test": {"train": False}}
"""Splits of the classes that take `train`, by name."""

Opened = TypeVar("Opened")


@dataclass(frozen=True)
class RowPictures:
    """Decoded pictures in the rows of a split, and their targets."""

    rows: Sequence[Any]
    split: str
    labels: Labels

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, index: int) -> str:
        return f"{self.split}[{index}]"

    def open(self, index: int) -> Image.Image:
        value = self.rows[index][0]
        if not isinstance(value, Image.Image):
            raise ValueError(f"a {type(value).__name__} and no picture")
        return value

    def stored(self, index: int, picture: Image.Image) -> BinaryIO:
        return io.BytesIO(picture.tobytes())

    def class_of(self, index: int) -> int:
        return self.labels.class_of(index, self.name(index))


def open_torchvision(config: DataConfig, name: str, splits: Sequence[str] = ()) -> Source:
    """`torchvision.datasets.NAME`, downloaded where `config.root` lacks it, and its splits of these names.

    Without names its train split trains, and the first of `TEST_SPLITS` that it has pictures for tests. Raises
    DataError for an unknown name, and where the data are neither there nor to be downloaded.
    """
    import torchvision.datasets  # three seconds of import

    make = getattr(torchvision.datasets, name, None)
    if not inspect.isclass(make):
        names = {known.lower(): known for known in torchvision.datasets.__all__}
        near = [names[match] for match in get_close_matches(name.lower(), names)]
        raise DataError(f"torchvision.datasets has no {name!r}; near it: {', '.join(near) or 'nothing'}")
    parameters = inspect.signature(make).parameters
    root = config.root or TORCHVISION_ROOT
    options = {"root": str(root)} if "root" in parameters else {}

    def rows(split: Split) -> RowPictures:
        had = _make_or_download(make, {**options, **split}, "download" in parameters)
        return RowPictures(had, _label(split, name), Labels(had, 1, _class_names(had)))

    def had(get: Callable[[], Opened]) -> Opened:
        try:
            return get()
        except Exception as error:  # each of these classes has errors of its own
            raise DataError(f"torchvision's {name} could not be had from {root}: {one_line(error)}") from error

    train: Split = {}
    test = None
    if splits:
        chosen = _named_splits(name, splits, parameters)
        train, test = chosen[0], had(lambda: rows(chosen[1])) if len(chosen) > 1 else None
    elif "train" in parameters:
        train, test = BY_TRAIN["train"], had(lambda: rows(BY_TRAIN["test"]))
    elif "split" in parameters:
        default = str(parameters["split"].default)
        train = {"split": default if default.startswith("train") else "train"}
        test = had(lambda: _first_split(lambda split: rows({"split": split})))
    return source_of(_divided(_label(train, name), lambda: had(lambda: rows(train)), test), config.min_crop)


def _divided(train: str, open_train: Callable[[], RowPictures], test: RowPictures | None) -> Division[Pictures]:
    """By the data set's own splits, or by every fifth picture where it has but one, `train`."""
    division: Division[Pictures]
    if test is None:
        rows = open_train()
        division = divide_every_fifth(rows, Subset, noun="picture", order="number")
    else:
        rows = test
        words = f"{train} trains, {test.split} tests"
        division = Division(open_train, test, words, lambda: Joined(open_train(), test), comes_split=True)
    return replace(division, classes=rows.labels.names)


def _named_splits(name: str, splits: Sequence[str], parameters: Mapping[str, Any]) -> list[Split]:
    if "train" in parameters:
        require_splits(splits, BY_TRAIN, f"torchvision's {name}")
        return [BY_TRAIN[split] for split in splits]
    if "split" not in parameters:
        require_splits(splits, (), f"torchvision's {name}")
    return [{"split": split} for split in splits]


def _label(split: Split, name: str) -> str:
    return ", ".join(f"{key}={value}" for key, value in split.items()) or name


def _class_names(rows: Any) -> tuple[str, ...]:
    """ImageNet has several names for a class, others have one or none."""
    names = getattr(rows, "classes", None) or ()
    return tuple(name if isinstance(name, str) else ", ".join(name) for name in names)


def _make_or_download(make: Callable[..., Any], options: dict[str, Any], can_download: bool) -> Any:
    if not can_download:
        return make(**options)
    try:
        return make(**options, download=False)
    except (RuntimeError, OSError):  # "not found or corrupted"
        return make(**options, download=True)


def _first_split(get: Callable[[str], RowPictures]) -> RowPictures | None:
    """The first of the usual test splits that the data set has pictures for."""
    for split in TEST_SPLITS:
        try:
            rows = get(split)
        except ValueError:  # what torchvision raises for an unknown split
            continue
        if rows:
            return rows
    return None
