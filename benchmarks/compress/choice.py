"""From a run to what is done with its signal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.compress.pictures import PictureFiles
from benchmarks.compress.signal import SignalFiles
from benchmarks.compress.sounds import SoundFiles
from benchmarks.records.record import SignalName
from benchmarks.training.loading import LoadedRun
from benchmarks.training.stored import configuration

_ALL: Mapping[SignalName, type[SignalFiles[Any]]] = {"pictures": PictureFiles, "sounds": SoundFiles}


def files_of(path: Path, run: LoadedRun) -> SignalFiles[Any]:
    """Files of the signal of a stored run.

    Args:
        path: its record's file.
        run: of `open_run`.
    """
    return _ALL[run.record.signal](run, configuration(path, run.record).settings.data)
