"""Data sets by name, from torchvision and from Hugging Face `datasets`."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from PIL import Image

from benchmarks.data.config import DataConfig, DataError
from benchmarks.data.folder import FORMATS
from benchmarks.data.pictures import Source, split_by_source, split_every_fifth

TORCHVISION_ROOT = Path("~/.cache/torchvision").expanduser()
TEST_SPLITS = ("test", "validation", "valid", "val")

Opened = TypeVar("Opened")


@dataclass(frozen=True)
class Rows:
    """A data set of rows with a picture in each, at the key `column`."""

    rows: Sequence[Any]
    split: str
    column: int | str

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


def _source(config: DataConfig, train: str, open_train: Callable[[], Rows], test: Rows | None) -> Source:
    """By the data set's own splits, or by every fifth picture where it has but one, `train`."""
    if test is None:
        return split_every_fifth(open_train(), "number", config.min_crop)
    return split_by_source(open_train, test, f"{train} trains, {test.split} tests", config.min_crop)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def open_torchvision(config: DataConfig, name: str) -> Source:
    """`torchvision.datasets.NAME`, downloaded where `config.root` lacks it.

    Raises DataError for an unknown name, and where the data are neither there nor to be downloaded.
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

    def rows(split: Mapping[str, str | bool]) -> Rows:
        return Rows(_make_or_download(make, {**options, **split}, "download" in parameters), _label(split, name), 0)

    def had(get: Callable[[], Opened]) -> Opened:
        try:
            return get()
        except Exception as error:  # each of these classes has errors of its own
            raise DataError(f"torchvision's {name} could not be had from {root}: {_one_line(error)}") from error

    train: dict[str, str | bool] = {}
    test = None
    if "train" in parameters:
        train, test = {"train": True}, had(lambda: rows({"train": False}))
    elif "split" in parameters:
        default = str(parameters["split"].default)
        train = {"split": default if default.startswith("train") else "train"}
        test = had(lambda: _first_split(lambda split: rows({"split": split})))
    return _source(config, _label(train, name), lambda: had(lambda: rows(train)), test)


def _label(split: Mapping[str, str | bool], name: str) -> str:
    return ", ".join(f"{key}={value}" for key, value in split.items()) or name


def _make_or_download(make: Callable[..., Any], options: dict[str, Any], can_download: bool) -> Any:
    if not can_download:
        return make(**options)
    try:
        return make(**options, download=False)
    except (RuntimeError, OSError):  # "not found or corrupted"
        return make(**options, download=True)


def _first_split(get: Callable[[str], Rows]) -> Rows | None:
    """The first of the usual test splits that the data set has pictures for."""
    for split in TEST_SPLITS:
        try:
            rows = get(split)
        except ValueError:  # what torchvision raises for an unknown split
            continue
        if rows:
            return rows
    return None


def open_huggingface(config: DataConfig, name: str, column: str | None) -> Source:
    """The Hugging Face data set NAME, or a folder in one of the layouts that `load_dataset` reads.

    `column` holds the pictures; None takes the first column of pictures. Raises DataError where the package,
    the data set, its train split or the column is missing.
    """
    try:
        import datasets
    except ImportError as error:
        raise DataError(
            'Hugging Face data sets need the package datasets: pip install "quantizer-zoo-benchmark[huggingface]"'
        ) from error
    cache_folder = str(config.root) if config.root else None
    try:
        splits = datasets.load_dataset(name, cache_dir=cache_folder)
    except Exception as error:  # network, hub, layout and builder errors have no common class
        raise DataError(f"Hugging Face's {name!r} could not be loaded: {_one_line(error)}") from error
    test = next((split for split in TEST_SPLITS if split in splits), None)
    train = next(iter(splits)) if len(splits) == 1 and test is None else "train"
    if train not in splits and test is None:
        raise DataError(f"Hugging Face's {name!r} has neither a train nor a test split, only {', '.join(splits)}")
    features = next(iter(splits.values())).features
    pictures = [key for key, feature in features.items() if isinstance(feature, datasets.Image)]
    key = column or next(iter(pictures), "")
    if key not in pictures:
        raise DataError(
            f"Hugging Face's {name!r} has no column {column or 'of pictures'}: "
            f"its columns of pictures are {', '.join(pictures) or 'none'}, of all {', '.join(features)}"
        )

    def rows(split: str) -> Rows:
        if split not in splits:
            raise DataError(f"Hugging Face's {name!r} has no {split} split, only {', '.join(splits)}")
        undecoded = splits[split].select_columns([key]).cast_column(key, datasets.Image(decode=False))
        return Rows(undecoded, split, key)

    return _source(config, train, lambda: rows(train), rows(test) if test else None)
