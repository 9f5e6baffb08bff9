"""Sweeps of small pictures in the smallest settings that still train."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.sweep.file import read_sweep
from benchmarks.sweep.plan import Plan, plan

HEAD = """\
preset: smoke
data: pictures
output: my runs
settings: {cpu: true, train.images: 32, loss.gan: none, loss.perceptual: none}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The present folder is the test's, and `pictures` lies in it."""
    monkeypatch.chdir(tmp_path)


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
