"""Hugging Face data sets: of the hub, in folders that `load_dataset` reads, and as `save_to_disk` writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.data.config import DataConfig, DataError
from benchmarks.data.pictures import Source, require_splits
from benchmarks.data.rows import TEST_SPLITS, Labels, Rows, one_line, source_of_rows
from storage.paths import StrPath

NUMBERED = ("label", "cls")
"""Columns that are taken for classes where none says that it is one: the usual name, and that in shards."""


def is_saved(folder: StrPath) -> bool:
    """Whether `Dataset.save_to_disk` or `DatasetDict.save_to_disk` wrote the folder."""
    folder = Path(folder)
    has_rows = all((folder / file).is_file() for file in ("state.json", "dataset_info.json"))
    return has_rows or (folder / "dataset_dict.json").is_file()


def open_huggingface(config: DataConfig, name: str, column: str | None = None, splits: Sequence[str] = ()) -> Source:
    """The Hugging Face data set NAME, or a folder that `save_to_disk` or one that `load_dataset` reads.

    Args:
        config: How much of it; `root` is the cache.
        name: On the hub, or the folder.
        column: The one that holds the pictures; None takes the first column of pictures.
        splits: Those that train and test, or one to be divided. Without them `train` trains, and the first of
            `TEST_SPLITS` that is there tests; a set with one split that is none of these is divided.

    Classes are those of the first ClassLabel, or else the numbers in a column of `NUMBERED`.

    Raises:
        DataError: the package, the data set, a split or the column is missing.
    """
    try:
        import datasets
    except ImportError as error:
        raise DataError(
            'Hugging Face data sets need the package datasets: pip install "quantizer-zoo-benchmark[huggingface]"'
        ) from error
    known = _load(datasets, name, config.root)
    require_splits(splits, known, f"Hugging Face's {name!r}")
    train, test = _chosen(name, known) if not splits else (splits[0], splits[1] if len(splits) > 1 else None)
    features = next(iter(known.values())).features
    pictures = [key for key, feature in features.items() if isinstance(feature, datasets.Image)]
    key = column or next(iter(pictures), "")
    if key not in pictures:
        raise DataError(
            f"Hugging Face's {name!r} has no column {column or 'of pictures'}: "
            f"its columns of pictures are {', '.join(pictures) or 'none'}, of all {', '.join(features)}"
        )
    label = _label_column(datasets, features)
    classes = tuple(getattr(features.get(label), "names", None) or ())

    def rows(split: str) -> Rows:
        require_splits([split], known, f"Hugging Face's {name!r}")
        undecoded = known[split].select_columns([key]).cast_column(key, datasets.Image(decode=False))
        labels = None if label is None else Labels(known[split].select_columns([label]), label, classes)
        return Rows(undecoded, split, key, labels)

    source = source_of_rows(config, train, lambda: rows(train), rows(test) if test else None)
    return replace(source, others=tuple(split for split in known if split not in (train, test)))


def _load(datasets: ModuleType, name: str, root: Path | None) -> Mapping[str, Any]:
    """The splits by name; one whole data set that was saved is called "rows"."""
    folder = Path(name).expanduser()
    try:
        if not is_saved(folder):
            return datasets.load_dataset(name, cache_dir=str(root) if root else None)  # type: ignore[no-any-return]
        saved = datasets.load_from_disk(str(folder))
    except Exception as error:  # network, hub, layout and builder errors have no common class
        raise DataError(f"Hugging Face's {name!r} could not be loaded: {one_line(error)}") from error
    return saved if isinstance(saved, Mapping) else {"rows": saved}


def _chosen(name: str, known: Mapping[str, Any]) -> tuple[str, str | None]:
    """The splits that train and test where nobody says."""
    test = next((split for split in TEST_SPLITS if split in known), None)
    train = next(iter(known)) if len(known) == 1 and test is None else "train"
    if train not in known and test is None:
        raise DataError(
            f"Hugging Face's {name!r} has neither a train nor a test split, only {', '.join(known)}: #TRAIN,TEST "
            "chooses two, #ONE one to divide"
        )
    return train, test


def _label_column(datasets: ModuleType, features: Mapping[str, Any]) -> str | None:
    named = (key for key, feature in features.items() if isinstance(feature, datasets.ClassLabel))
    numbered = (key for key in NUMBERED if str(getattr(features.get(key), "dtype", "")).startswith(("int", "uint")))
    return next(named, None) or next(numbered, None)
