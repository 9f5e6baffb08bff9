"""A real row of two seeds, trained for some steps, that the tests make again; only its speed is not measured."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import run
from benchmarks.data.machine import torch_threads
from benchmarks.records import environment
from benchmarks.reproduce.__main__ import main
from benchmarks.training.signals.pictures import Pictures

SMOKE = ["--preset", "smoke", "--cpu", "--train.images", "64"]


@contextmanager
def clean_commit_and_no_timing() -> Iterator[None]:
    """As if the code were a commit's: while it is worked on, nothing can be said of what it was."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment, "_commit", lambda: "c0ffee")
        patch.setattr(Pictures, "measure_speed", lambda *_: {})
        yield


@pytest.fixture(autouse=True)
def _clean_commit_and_no_timing() -> Iterator[None]:
    with clean_commit_and_no_timing():
        yield


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures, and below runs/ a row of two seeds on them."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "pictures").mkdir()
    random = np.random.default_rng(0)
    for index in range(20):
        coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((64, 48), Image.Resampling.BICUBIC).save(folder / "pictures" / f"{index:02}.png")
    words = [*SMOKE, "--data", str(folder / "pictures"), "--output", str(folder / "runs")]
    with torch_threads(1), clean_commit_and_no_timing():
        assert run.main(["--quantizer", "fsq", "--seed", "0", "1", *words]) == 0
    return folder


@pytest.fixture(scope="session")
def again(home: Path) -> str:
    """A folder in which the row's first seed has been made again, so that no test needs to."""
    (path,) = home.glob("runs/smoke/pictures/fsq-*seed0-*.json")
    with clean_commit_and_no_timing():
        assert main([str(path), "--output", str(home / "again")]) == 0
    return str(home / "again")


@pytest.fixture
def altered(home: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the row, its first seed changed by a function; returns that seed's path."""

    def copy(change: Callable[[dict[str, Any]], None] = lambda record: None, name: str = "fsq", seeds: int = 2) -> Path:
        for seed in range(seeds):
            for path in home.glob(f"runs/smoke/pictures/{name}-*seed{seed}-*"):
                shutil.copy(path, tmp_path)
        (first,) = tmp_path.glob(f"{name}-*seed0-*.json")
        record = json.loads(first.read_text())
        change(record)
        first.write_text(json.dumps(record))
        return first

    return copy


@pytest.fixture
def compared(tmp_path: Path) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Make a run again: the exit code, and what the command wrote as JSON."""

    def compare(path: Path, *words: str) -> tuple[int, dict[str, Any]]:
        report = tmp_path / "report" / "agreement.json"
        code = main([str(path), "--json", str(report), *words])
        (entry,) = json.loads(report.read_text())
        return code, entry

    return compare


@pytest.fixture
def smoke_words(home: Path) -> list[str]:
    """What `benchmarks.run` is told for the row, but for the quantizer."""
    return [*SMOKE, "--data", str(home / "pictures"), "--output", str(home / "runs")]
