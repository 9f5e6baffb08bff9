"""Inception sees the originals of a test set once, however many tokenizers are measured on it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.metrics import fid
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import read_record

from .conftest import Projection

Evaluate = Callable[..., int]
The = Callable[[Path, str], Path]


@pytest.fixture
def measure(
    home: Path, runs: Path, tmp_path: Path, evaluate: Evaluate, the: The, projection: type[Projection]
) -> Callable[..., tuple[int, Path]]:
    """Measure a run's tokenizer on 12 pictures: how many Inception saw, and the record."""

    def command(name: str, output: str, *words: object) -> tuple[int, Path]:
        projection.seen = 0
        where = ["--data", home / "other" / "test", "--output", tmp_path / output, "--batch-size", 5]
        assert evaluate(the(runs, f"{name}-*.json"), *where, *words) == 0
        return projection.seen, the(tmp_path / output, f"{name}-*.json")

    return command


def test_the_originals_are_seen_once_and_no_number_differs(
    measure: Callable[..., tuple[int, Path]], tmp_path: Path, the: The
) -> None:
    assert measure("fsq", "out")[0] == 24
    seen, kept = measure("block-mean", "out")
    assert seen == 12
    seen, anew = measure("block-mean", "anew", "--no-cache")
    assert seen == 24
    assert read_record(kept).metrics == read_record(anew).metrics
    assert read_record(kept).metrics["rfid"] > 0
    arrays, others = read_arrays(kept), read_arrays(anew)
    assert all(np.array_equal(arrays[name], others[name]) for name in arrays)
    about = json.loads(the(tmp_path / "cache", "*.json").read_text())
    assert about["data"] == "other-test"
    assert np.load(the(tmp_path / "cache", "*.npy")).shape == (12, Projection.features)


@pytest.mark.slow
@pytest.mark.parametrize("file", ["*.npy", "*.json"])
def test_damaged_files_are_made_anew(
    measure: Callable[..., tuple[int, Path]], tmp_path: Path, the: The, file: str
) -> None:
    measure("fsq", "first")
    path = the(tmp_path / "cache", file)
    whole = path.read_bytes()
    for damage in (whole[:-9], whole[:-9] + b"otherwise"):
        path.write_bytes(damage)
        assert measure("fsq", "second", "--force")[0] == 24
        assert path.read_bytes() == whole
    assert (
        read_record(the(tmp_path / "first", "*.json")).metrics
        == read_record(the(tmp_path / "second", "*.json")).metrics
    )


def test_other_pictures_and_another_network_are_kept_apart(
    measure: Callable[..., tuple[int, Path]], tmp_path: Path
) -> None:
    measure("fsq", "out")
    assert measure("fsq", "other", "--limit", 6)[0] == 12
    (tmp_path / "network").write_text("another")
    assert measure("fsq", "out", "--force")[0] == 24
    assert len(list(tmp_path.rglob("cache/**/*.npy"))) == 3


def test_without_a_cache_nothing_is_kept(measure: Callable[..., tuple[int, Path]], tmp_path: Path) -> None:
    measure("fsq", "out", "--no-cache")
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_ends_no_evaluation(
    measure: Callable[..., tuple[int, Path]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("a file")
    _, path = measure("fsq", "out")
    assert read_record(path).metrics["rfid"] is not None
    assert "not kept for the next evaluation" in caplog.text


def test_past_the_pictures_that_are_resampled_the_network_is_asked(
    measure: Callable[..., tuple[int, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fid, "MAX_RESAMPLED", 7)
    _, first = measure("fsq", "first")
    seen, second = measure("fsq", "second")
    assert seen == 24 - 5  # the second batch of 5 goes past the 7
    assert read_record(first).metrics == read_record(second).metrics
