"""Small folders of sound files to load from."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console

Tone = Callable[..., np.ndarray]


@pytest.fixture
def tone() -> Tone:
    """(seconds, rate, channels, hertz, peak) -> (n, channels), another tone in each channel."""

    def make(
        seconds: float = 0.5, rate: int = 16_000, channels: int = 1, hertz: float = 440.0, peak: float = 0.5
    ) -> np.ndarray:
        time = np.arange(round(seconds * rate)) / rate
        return peak * np.stack([np.sin(2 * np.pi * hertz * (1 + channel) * time) for channel in range(channels)], 1)

    return make


@pytest.fixture
def folder(tmp_path: Path, tone: Tone) -> Path:
    """Twelve sounds of several lengths and formats in a tree of folders; by the rule 0, 5 and 10 are test."""
    for number in range(12):
        place = tmp_path / "sounds" / f"speaker{number // 4}"
        place.mkdir(parents=True, exist_ok=True)
        suffix = ("wav", "flac", "ogg")[number % 3]
        soundfile.write(place / f"{number:02}.{suffix}", tone(0.5 + 0.1 * number, hertz=200 + 50 * number), 16_000)
    return tmp_path / "sounds"


@pytest.fixture
def console() -> Console:
    """A console whose output is read by `console.file.getvalue()`."""
    return Console(file=StringIO(), width=200)
