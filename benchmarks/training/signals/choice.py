"""From settings to what is done with their signal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.records.record import SignalName
from benchmarks.training.settings import SIGNALS, Settings
from benchmarks.training.signals.films import Films
from benchmarks.training.signals.pictures import Pictures
from benchmarks.training.signals.signal import Signal
from benchmarks.training.signals.sounds import Sounds

_ALL: Mapping[SignalName, Signal] = {"pictures": Pictures(), "sounds": Sounds(), "films": Films()}


def signal_of(settings: Settings) -> Signal:
    """What is done with the signal of these settings."""
    return _ALL[settings.signal]


def signal_of_data(config: Any) -> Signal:
    """The same, by the data alone."""
    return _ALL[_name_of(config)]


def _name_of(config: Any) -> SignalName:
    return next(name for name, parts in SIGNALS.items() if isinstance(config, parts.data))
