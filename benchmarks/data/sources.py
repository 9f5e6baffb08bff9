"""From what `--data` says to pictures that are not yet decoded."""

from __future__ import annotations

import glob
from pathlib import Path

import bracex

from benchmarks.data.config import DataConfig, DataError
from benchmarks.data.folder import find_pictures, open_folder, test_folder_of
from benchmarks.data.from_huggingface import is_saved, open_huggingface
from benchmarks.data.from_torchvision import open_torchvision
from benchmarks.data.naming import parse_source
from benchmarks.data.photographs import open_photographs
from benchmarks.data.pictures import Source
from benchmarks.data.tar_files import find_tars, is_tar
from benchmarks.data.tar_pictures import open_tars
from benchmarks.data.texture import open_texture

MOST_FILES = 1_000_000
"""That a pattern may name."""


def open_source(config: DataConfig) -> Source:
    """The pictures that `config.source` names, not yet decoded. Raises DataError where it names none."""
    scheme, name, splits = parse_source(config.source)
    if scheme == "photographs":
        return open_photographs(config, splits)
    if scheme == "torchvision":
        return open_torchvision(config, name, splits)
    if scheme == "huggingface":
        name, _, column = name.partition(":")
        return open_huggingface(config, name, column or None, splits)
    if scheme == "texture":
        return open_texture(config, name, splits)
    if scheme == "moving":
        raise DataError(f"{config.source} are films, for presets of films: name the pictures themselves, as {name}")
    path = Path(name).expanduser()
    if is_saved(path):
        return open_huggingface(config, name, splits=splits)
    if tars := [path] if is_tar(path) else _named_by_pattern(name) or _only_tars(path):
        return open_tars(config, tars, splits)
    return open_folder(config, name, splits)


def _only_tars(folder: Path) -> list[Path]:
    """The tar files anywhere below a folder that has no pictures to measure but in them."""
    if not folder.is_dir() or find_pictures(folder, test_folder_of(folder) or ""):
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
