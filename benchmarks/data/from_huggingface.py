"""Hugging Face data sets: of the hub, in folders that `load_dataset` reads, and as `save_to_disk` writes them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.data.config import DataError
from benchmarks.data.division import Division, divide, require_splits
from benchmarks.data.files import File, Files, Kind, SomeFiles
from benchmarks.data.rows import TEST_SPLITS, Labels, one_line
from storage.paths import StrPath

NUMBERED = ("label", "cls")
"""Columns that are taken for classes where none says that it is one: the usual name, and that in shards."""


@dataclass(frozen=True)
class Split:
    """Rows of a split with an undecoded file in each, at the key `column`."""

    name: str
    rows: Sequence[Any]
    column: str
    labels: Labels | None


@dataclass(frozen=True)
class RowFiles:
    """Files in the rows of splits, one split after the other."""

    splits: tuple[Split, ...]

    def __len__(self) -> int:
        return sum(len(split.rows) for split in self.splits)

    def _at(self, index: int) -> tuple[Split, int]:
        for split in self.splits:
            if index < len(split.rows):
                return split, index
            index -= len(split.rows)
        raise IndexError(index)

    def name(self, index: int) -> str:
        split, row = self._at(index)
        return f"{split.name}[{row}]"

    def file(self, index: int) -> File:
        split, row = self._at(index)
        value = split.rows[row][split.column] or {}
        if value.get("bytes") is not None:
            return io.BytesIO(value["bytes"])
        if value.get("path") is None:
            raise ValueError("the row is empty")
        return Path(value["path"])

    def class_of(self, index: int) -> int:
        split, row = self._at(index)
        if split.labels is None:
            raise DataError(f"the class of {self.name(index)} is not known")
        return split.labels.class_of(row, self.name(index))


def is_saved(folder: StrPath) -> bool:
    """Whether `Dataset.save_to_disk` or `DatasetDict.save_to_disk` wrote the folder."""
    folder = Path(folder)
    has_rows = all((folder / file).is_file() for file in ("state.json", "dataset_info.json"))
    return has_rows or (folder / "dataset_dict.json").is_file()


def open_huggingface(
    kind: Kind, name: str, column: str | None = None, splits: Sequence[str] = (), root: StrPath | None = None
) -> Division[Files]:
    """The Hugging Face data set NAME, or a folder that `save_to_disk` or one that `load_dataset` reads.

    Args:
        kind: What its rows hold.
        name: On the hub, or the folder.
        column: The one that holds the files; None takes the first column of that kind.
        splits: Those that train and test, or one to be divided. Without them `train` trains, and the first of
            `TEST_SPLITS` that is there tests; a set with one split that is none of these is divided.
        root: The cache; None: the usual one.

    Classes are those of the first ClassLabel, or else the numbers in a column of `NUMBERED`. Files stay as they are
    stored: what the package would make of them is mixed down and resampled.

    Raises:
        DataError: the package, the data set, a split or the column is missing.
    """
    try:
        import datasets
    except ImportError as error:
        raise DataError(
            'Hugging Face data sets need the package datasets: pip install "quantizer-zoo-benchmark[huggingface]"'
        ) from error
    known = _load(datasets, name, root)
    require_splits(splits, known, f"Hugging Face's {name!r}")
    features = next(iter(known.values())).features
    feature = getattr(datasets, kind.feature)
    of_kind = [key for key, each in features.items() if isinstance(each, feature)]
    key = column or next(iter(of_kind), "")
    if key not in of_kind:
        raise DataError(
            f"Hugging Face's {name!r} has no column {column or f'of {kind.noun}s'}: "
            f"its columns of {kind.noun}s are {', '.join(of_kind) or 'none'}, of all {', '.join(features)}"
        )
    label = _label_column(datasets, features)
    classes = tuple(getattr(features.get(label), "names", None) or ())

    def found(*names: str) -> Files:
        require_splits(names, known, f"Hugging Face's {name!r}")
        return RowFiles(tuple(map(split, names)))

    def split(name: str) -> Split:
        undecoded = known[name].select_columns([key]).cast_column(key, feature(decode=False))
        labels = None if label is None else Labels(known[name].select_columns([label]), label, classes)
        return Split(name, undecoded, key, labels)

    chosen = splits or _usual(name, known)
    division = divide(found, chosen, SomeFiles, noun=kind.noun, order="number", known=known)
    return replace(division, classes=classes)


def _load(datasets: ModuleType, name: str, root: StrPath | None) -> Mapping[str, Any]:
    """The splits by name; one whole data set that was saved is called "rows"."""
    folder = Path(name).expanduser()
    try:
        if not is_saved(folder):
            return datasets.load_dataset(name, cache_dir=str(root) if root else None)  # type: ignore[no-any-return]
        saved = datasets.load_from_disk(str(folder))
    except Exception as error:  # network, hub, layout and builder errors have no common class
        is_vague = isinstance(error, datasets.exceptions.DatasetGenerationError)  # says only that there was an error
        said = one_line((is_vague and error.__cause__) or error)
        raise DataError(f"Hugging Face's {name!r} could not be loaded: {said}") from error
    return saved if isinstance(saved, Mapping) else {"rows": saved}


def _usual(name: str, known: Mapping[str, Any]) -> tuple[str, ...]:
    """The splits that train and test where nobody says, or the one to be divided."""
    test = next((split for split in TEST_SPLITS if split in known), None)
    if test is not None:
        return "train", test
    if len(known) == 1:
        return tuple(known)
    if "train" not in known:
        raise DataError(
            f"Hugging Face's {name!r} has neither a train nor a test split, only {', '.join(known)}: #TRAIN,TEST "
            "chooses two, #ONE one to divide"
        )
    return ("train",)


def _label_column(datasets: ModuleType, features: Mapping[str, Any]) -> str | None:
    named = (key for key, feature in features.items() if isinstance(feature, datasets.ClassLabel))
    numbered = (key for key in NUMBERED if str(getattr(features.get(key), "dtype", "")).startswith(("int", "uint")))
    return next(named, None) or next(numbered, None)
