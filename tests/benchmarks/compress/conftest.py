"""A small run with a prior, and pictures of many kinds."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import run
from benchmarks.compress.__main__ import main
from benchmarks.data.machine import torch_threads
from benchmarks.generate.__main__ import main as generate
from benchmarks.training.signals import Signal

SIZES = [(1, 1), (7, 45), (32, 32), (61, 40), (200, 131)]
"""Width and height."""


@pytest.fixture(scope="session")
def compress_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pictures/, and runs/ of the preset smoke on them: fsq with a prior, rq and none."""
    folder = tmp_path_factory.mktemp("compress")
    (folder / "pictures").mkdir()
    random = np.random.default_rng(0)
    for number in range(20):
        coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((64, 48), Image.Resampling.BICUBIC).save(folder / "pictures" / f"{number:02}.png")
    words = ["--preset", "smoke", "--cpu", "--train.images", "32", "--data", str(folder / "pictures")]
    with torch_threads(1):
        for quantizer in ("fsq", "rq", "none"):
            assert run.main(["--quantizer", quantizer, *words, "--output", str(folder / "runs")]) == 0
        (fsq,) = folder.glob("runs/smoke/pictures/fsq-*.json")
        assert generate(["--run", str(fsq), "--preset", "smoke", "--cpu"]) == 0
    for width, height in SIZES:
        pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{width}x{height}.png")
    return folder


@pytest.fixture
def run_of(compress_home: Path) -> Callable[[str], Path]:
    """The record of a quantizer's run."""

    def find(quantizer: str) -> Path:
        (path,) = compress_home.glob(f"runs/smoke/pictures/{quantizer}-*.json")
        return path

    return find


@pytest.fixture
def compress() -> Callable[..., int]:
    """The command on one thread of the CPU; its exit code."""

    def call(*words: object) -> int:
        with torch_threads(1):
            return main([*map(str, words), "--cpu"])

    return call


@pytest.fixture(scope="session")
def film_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of fsq and rq on films, hardly trained."""
    pytest.importorskip("av")
    output = tmp_path_factory.mktemp("compress films")
    few = ["--data.limit-train", "2", "--data.limit-test", "1", "--train.images", "16"]
    words = ["--preset", "video-smoke", "--cpu", *few, "--quantizer", "fsq", "rq", "--output", str(output)]
    with pytest.MonkeyPatch.context() as patch, torch_threads(1):
        patch.setattr(Signal, "baseline_runs", lambda *_: [])
        assert run.main(words) == 0
    return output


@pytest.fixture
def film_run(film_runs: Path, tmp_path: Path) -> Callable[[str], Path]:
    """The record of a quantizer's run on films, in a copy that a test may change."""
    folder = shutil.copytree(film_runs, tmp_path / "film runs")

    def find(quantizer: str) -> Path:
        (path,) = folder.rglob(f"{quantizer}-*.json")
        return path

    return find
