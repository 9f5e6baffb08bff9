"""Small pictures, and sweeps of them in the smallest settings that still train."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.sweep.file import read_sweep
from benchmarks.sweep.plan import Plan, plan

HEAD = """\
preset: smoke
data: pictures
output: my runs
settings: {cpu: true, train.images: 32, loss.gan: none, loss.perceptual: none}
"""


@pytest.fixture(autouse=True)
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of 20 small pictures, `pictures` in the present folder, which is the test's."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "pictures"
    folder.mkdir()
    random = np.random.default_rng(0)
    for index in range(20):
        coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((64, 48), Image.Resampling.BICUBIC).save(folder / f"{index:02}.png")
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a sweep's file, its groups below the usual head."""

    def write_file(groups: str) -> Path:
        path = tmp_path / "sweep.yaml"
        path.write_text(f"{HEAD}runs:\n{groups}\n", encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def plan_of(write: Callable[..., Path]) -> Callable[..., Plan]:
    """The plan of a sweep, written down as with `write`."""
    return lambda groups: plan(read_sweep(write(groups)))
