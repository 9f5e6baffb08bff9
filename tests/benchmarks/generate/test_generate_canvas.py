"""`python -m benchmarks.generate --canvas`: a picture of any size from the prior of a texture."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import compare, run
from benchmarks.data.machine import torch_threads
from benchmarks.records.texture import read_canvas

Generate = Callable[..., int]
Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of fsq on a texture (preset smoke)."""
    folder = tmp_path_factory.mktemp("texture")
    random = np.random.default_rng(0)
    coarse = Image.fromarray(random.integers(0, 256, (20, 50, 3), dtype=np.uint8))
    coarse.resize((200, 80), Image.Resampling.BICUBIC).save(folder / "gravel.png")
    words = ["--preset", "smoke", "--cpu", "--train.images", "32", "--data", f"texture:{folder / 'gravel.png'}"]
    with torch_threads(1):
        limits = ["--data.limit-train", "48", "--data.limit-test", "8"]
        assert run.main(["--quantizer", "fsq", *words, *limits, "--output", str(folder / "runs")]) == 0
    (path,) = (folder / "runs").rglob("fsq-*.json")
    return path


def test_a_canvas_is_drawn_measured_and_stored(texture: Path, generate: Generate, capsys: Captured) -> None:
    words = ["--run", texture, "--canvas", 40, 75]
    assert generate(*words) == 0
    shown = capsys.readouterr().out
    (path,) = texture.parent.glob("canvas-*.json")
    record = read_canvas(path)
    assert record.extent == (40, 75)
    assert record.command.endswith("--canvas 40 75")
    assert record.metrics.keys() == {"swd", "swd_of_test", "autocorrelation", "autocorrelation_of_test"}
    assert min(record.metrics.values()) > 0  # no set is held against itself
    assert f"swd: {record.metrics['swd']:.4g}" in shown
    with Image.open(path.with_suffix(".png")) as picture:
        assert picture.size == (75, 40)
        first = np.asarray(picture)
    assert generate(*words, "--force") == 0  # the prior is trained again, and draws the same
    assert np.array_equal(np.asarray(Image.open(path.with_suffix(".png"))), first)
    assert read_canvas(path).metrics == record.metrics
    path.with_suffix(".png").unlink()
    assert generate(*words) == 0
    assert not path.with_suffix(".png").exists()  # done already
    assert generate(*words, "--generation.seed", 5) == 0
    assert len(list(texture.parent.glob("canvas-*.json"))) == 2
    capsys.readouterr()
    assert compare.command([str(texture.parent)]) == 0
    assert "left out" not in capsys.readouterr().err


def test_what_cannot_be_drawn_is_refused(texture: Path, generate: Generate, tmp_path: Path, capsys: Captured) -> None:
    for words, message in (
        (("--canvas", 64), "height and width"),
        (("--canvas", 31, 64), "the run's 32 × 32 pixels at least, got 64 × 31"),
        (("--canvas", 64, 64, "--png", tmp_path / "png"), "leave --png out"),
    ):
        capsys.readouterr()
        assert generate("--run", texture, *words) == 2
        assert message in " ".join(capsys.readouterr().err.split())


def test_a_canvas_is_of_a_texture_alone(fsq: Path, generate: Generate, capsys: Captured) -> None:
    assert generate("--run", fsq, "--canvas", 64, 64) == 2
    assert "train a run on --data texture:FILE" in " ".join(capsys.readouterr().err.split())
