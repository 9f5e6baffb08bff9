"""Two folders of files, originals and reconstructions, matched by name, whatever the files are of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from benchmarks.data.config import DataError
from benchmarks.data.folder import find_files, require_folder
from storage.paths import StrPath

NAMED = 3
"""Files of a kind of mistake that a message names."""


class Matched(NamedTuple):
    """Files of two folders, pair by pair, in the order of the originals' paths.

    Attributes:
        names: Relative paths without suffix.
        originals: Relative path of each in the first folder.
        reconstructions: The same in the second.
    """

    names: tuple[str, ...]
    originals: tuple[str, ...]
    reconstructions: tuple[str, ...]


def match_files(reference: StrPath, reconstruction: StrPath, kind: Callable[[str], bool], noun: str) -> Matched:
    """Every file of a kind in two folders, matched by its relative path without its suffix.

    Args:
        kind: Whether a file is one by its name.
        noun: What one is called.

    Raises:
        DataError: a folder that is missing or has none, or files without counterpart.
    """
    originals, reconstructions = (_by_name(folder, kind, noun) for folder in (reference, reconstruction))
    refuse(
        {
            f"in {reference} only": sorted(originals.keys() - reconstructions.keys()),
            f"in {reconstruction} only": sorted(reconstructions.keys() - originals.keys()),
        },
        "each original needs one reconstruction, of the same relative path but for the suffix",
    )
    names = sorted(originals, key=originals.__getitem__)  # as a folder alone is sorted
    return Matched(tuple(names), *(tuple(files[name] for name in names) for files in (originals, reconstructions)))


def _by_name(folder: StrPath, kind: Callable[[str], bool], noun: str) -> dict[str, str]:
    """Relative path without suffix -> file."""
    files = find_files(require_folder(str(folder), f"{noun}s"), "", kind)
    if not files:
        raise DataError(f"no {noun}s in {folder}")
    bare = [PurePosixPath(file).with_suffix("").as_posix() for file in files]
    twice = [name for name, count in Counter(bare).items() if count > 1]
    refuse({f"twice in {folder}, with different suffixes": twice}, f"each {noun} must be there once")
    return dict(zip(bare, files, strict=True))


def count_suffixes(files: Sequence[str], suffixes: frozenset[str]) -> int:
    """How many of the files have one of these suffixes."""
    return sum(PurePosixPath(name).suffix.lower() in suffixes for name in files)


def refuse(mistakes: Mapping[str, Sequence[str]], remedy: str) -> None:
    """Raise DataError that counts the files of each kind of mistake, and names some; not where there are none."""
    found = []
    for what, names in mistakes.items():
        if names:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            found.append(f"{len(names)} {what}: {', '.join(names[:NAMED])}{more}")
    if found:
        raise DataError(f"{'; '.join(found)} ({remedy})")
