"""Sounds to be coded: all of a source, whole, at one rate."""

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from benchmarks.data.sounds.config import SoundConfig
from benchmarks.data.sounds.whole import open_whole_sounds

soundfile = pytest.importorskip("soundfile")


def test_all_sounds_are_taken_whatever_trains_and_tests(tmp_path: Path) -> None:
    for number, part in enumerate(("train", "train", "test")):
        (tmp_path / part).mkdir(exist_ok=True)
        noise = 0.1 * np.random.default_rng(number).standard_normal((4_000, 2))
        soundfile.write(tmp_path / part / f"{number}.wav", noise, 8_000)
    (tmp_path / "test" / "broken.wav").write_text("no sound")
    screen = io.StringIO()
    sounds = open_whole_sounds(SoundConfig(str(tmp_path), 16_000, 1, crop_samples=10**6), Console(file=screen))
    assert [tuple(sounds[place].shape) for place in range(len(sounds))] == [(1, 8_000)] * 3
    assert (sounds.record["sounds"], sounds.record["seconds"]) == (3, 1.5)
    assert set(sounds.record["skipped"]) == {"test/broken.wav"}
    assert "broken.wav" in screen.getvalue()
    assert sounds.record["fingerprint"] != open_whole_sounds(SoundConfig(str(tmp_path), 8_000)).record["fingerprint"]
