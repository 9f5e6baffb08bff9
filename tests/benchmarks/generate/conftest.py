"""Pictures, small runs on them, and the command."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import run
from benchmarks.data.machine import torch_threads
from benchmarks.generate.__main__ import main
from benchmarks.records.priors import Generation, read_generations
from benchmarks.tokens import __main__ as tokens


@pytest.fixture(scope="session")
def generation_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pictures/, and runs/ of fsq and rq on them (preset smoke)."""
    folder = tmp_path_factory.mktemp("generation")
    random = np.random.default_rng(0)
    for number in range(30):
        kind = ("cat", "dog")[number % 2]
        (folder / "pictures" / kind).mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((64, 48), Image.Resampling.BICUBIC).save(folder / "pictures" / kind / f"{number:02}.png")
    words = ["--preset", "smoke", "--cpu", "--train.images", "32", "--data", str(folder / "pictures")]
    with torch_threads(1):
        for quantizer in ("fsq", "rq", "none"):
            assert run.main(["--quantizer", quantizer, *words, "--output", str(folder / "runs")]) == 0
    return folder


@pytest.fixture
def runs(generation_home: Path, tmp_path: Path) -> Path:
    """A copy of the folder of the runs, that a test may add to."""
    return shutil.copytree(generation_home / "runs" / "smoke" / "pictures", tmp_path / "runs")


@pytest.fixture
def fsq(runs: Path) -> Path:
    """The run of fsq."""
    (path,) = runs.glob("fsq-*.json")
    return path


@pytest.fixture
def generate() -> Callable[..., int]:
    """The command on one thread of the CPU; its exit code."""

    def call(*words: object) -> int:
        with torch_threads(1):
            return main([*map(str, words), "--cpu"])

    return call


@pytest.fixture
def stored() -> Callable[[Path], Generation]:
    """The only prior below a folder, and its only sampling."""

    def find(folder: Path) -> Generation:
        problems: list[str] = []
        (found,) = read_generations([folder], problems)
        assert problems == []
        return found

    return find


@pytest.fixture
def classes(fsq: Path, generation_home: Path, tmp_path: Path) -> tuple[str, ...]:
    """Flags for token sets of two classes, cat and dog."""
    sets = {part: tmp_path / part for part in ("train", "test")}
    source = str(generation_home / "pictures")
    with torch_threads(1):
        for part, folder in sets.items():
            about = ["--run", str(fsq), "--data", source, "--part", part, "--output", str(folder), "--cpu", "--classes"]
            assert tokens.main(about) == 0
    return "--train-tokens", str(sets["train"]), "--test-tokens", str(sets["test"])
