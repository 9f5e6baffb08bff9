"""The file of arrays beside a record: RUN.npz beside RUN.json."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from benchmarks.records.files import RecordError
from storage.paths import StrPath
from storage.whole_files import replacing


def write_arrays(path: StrPath, arrays: Mapping[str, np.ndarray]) -> None:
    """Store the arrays beside the record at `path`."""
    path = Path(path)
    with replacing(path.with_suffix(".npz")) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # its stub has other keywords too


def read_arrays(path: StrPath, kinds: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays stored beside the record at `path`; none when that file is missing.

    Args:
        path: The record's.
        kinds: Read only those of these kinds, as "image" of "image/psnr".

    Raises:
        RecordError: it is there and damaged.
    """
    path = Path(path)
    arrays = path.with_suffix(".npz")
    if not arrays.exists():
        return {}
    try:
        with np.load(arrays, allow_pickle=False) as stored:
            names = stored.files if kinds is None else [n for n in stored.files if n.partition("/")[0] in kinds]
            return {name: stored[name] for name in names}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise RecordError(f"{arrays}: not a readable file of a run's arrays ({error})") from error
