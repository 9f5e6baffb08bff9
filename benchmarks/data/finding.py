"""From what `--data` says to files: in a folder, in tar files, or in a Hugging Face data set."""

from __future__ import annotations

import glob
from pathlib import Path

import bracex

from benchmarks.data.config import DataError
from benchmarks.data.division import Division
from benchmarks.data.files import Files, Kind
from benchmarks.data.folder import find_files, open_folder, test_folder_of
from benchmarks.data.from_huggingface import is_saved, open_huggingface
from benchmarks.data.from_tars import open_tars
from benchmarks.data.naming import parse_source
from benchmarks.data.tar_files import find_tars, is_tar
from storage.paths import StrPath

MOST_FILES = 1_000_000
"""That a pattern may name."""


def find(kind: Kind, source: str, root: StrPath | None = None) -> Division[Files]:
    """The files of a kind that `source` names, and which of them train and test.

    Args:
        root: Where Hugging Face keeps its files; None: its usual cache.

    Raises:
        DataError: it names none.
    """
    scheme, name, splits = parse_source(source)
    if scheme == "huggingface":
        name, _, column = name.partition(":")
        return open_huggingface(kind, name, column or None, splits, root)
    if scheme != "path":
        raise DataError(f"{source} is no source of {kind.noun}s: these are {kind.sources}")
    path = Path(name).expanduser()
    if is_saved(path):
        return open_huggingface(kind, name, splits=splits, root=root)
    if tars := [path] if is_tar(path) else _named_by_pattern(name) or _only_tars(kind, path):
        return open_tars(kind, source, tars, splits)
    return open_folder(kind, name, splits)


def _only_tars(kind: Kind, folder: Path) -> list[Path]:
    """The tar files anywhere below a folder that has no files of the kind to measure but in them."""
    if not folder.is_dir() or find_files(folder, test_folder_of(folder) or "", kind.is_one):
        return []
    return [folder / tar for tar in find_tars(folder)]


def _named_by_pattern(name: str) -> list[Path]:
    """The tar files that a pattern names, with {000..009} or {a,b} and * ? [] of it as in a shell; none where it is no
    pattern. DataError where there is no such file."""
    if Path(name).expanduser().exists():
        return []
    try:
        words = bracex.expand(name, limit=MOST_FILES)
    except bracex.ExpansionLimitException as error:
        raise DataError(f"{name} names more than {MOST_FILES:,} files") from error
    if words == [name] and not glob.has_magic(name):
        return []
    found: dict[Path, None] = {}
    for word in words:
        path = str(Path(word).expanduser())
        files = sorted(glob.glob(path, recursive=True)) if glob.has_magic(path) else [path]
        tars = [Path(file) for file in files if is_tar(file)]
        if not tars:
            raise DataError(f"there is no tar file {word}" + (f", which {name} names" if word != name else ""))
        found.update(dict.fromkeys(tars))
    return list(found)
