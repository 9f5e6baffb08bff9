"""From a run to what is done with its signal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.compress.films import FilmFiles
from benchmarks.compress.measured import MeasuredSignal
from benchmarks.compress.measured_films import MeasuredFilms
from benchmarks.compress.measured_pictures import MeasuredPictures
from benchmarks.compress.measured_sounds import MeasuredSounds
from benchmarks.compress.pictures import PictureFiles
from benchmarks.compress.signal import SignalFiles
from benchmarks.compress.sounds import SoundFiles
from benchmarks.records.record import SignalName, StoredRuns
from benchmarks.training.loading import LoadedRun
from benchmarks.training.stored import configuration

_ALL: Mapping[SignalName, type[SignalFiles[Any]]] = {
    "pictures": PictureFiles,
    "sounds": SoundFiles,
    "films": FilmFiles,
}


def measured(runs: StoredRuns) -> MeasuredSignal:
    """What is measured beside these runs: the signals of the first, or pictures where there is none."""
    if not runs:
        return MeasuredPictures()
    path, first = runs[0]
    if first.signal == "films":
        return MeasuredFilms(path)
    return MeasuredSounds(path, first) if first.signal == "sounds" else MeasuredPictures()


def files_of(path: Path, run: LoadedRun) -> SignalFiles[Any]:
    """Files of the signal of a stored run.

    Args:
        path: its record's file.
        run: of `open_run`.
    """
    return _ALL[run.record.signal](run, configuration(path, run.record).settings.data)
