"""`python -m benchmarks.evaluate RUN.json`: a trained tokenizer on pictures that it never saw."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from safetensors.torch import load_file, save_file

from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import Record, read_record
from benchmarks.reproduce.__main__ import main as reproduce
from benchmarks.tables import summaries
from benchmarks.throughput.__main__ import main as throughput
from benchmarks.throughput.command import methods

Evaluate = Callable[..., int]
Refused = Callable[..., str]
The = Callable[[Path, str], Path]


def test_the_runs_own_test_pictures_give_its_own_numbers(
    home: Path, runs: Path, tmp_path: Path, evaluate: Evaluate, the: The
) -> None:
    assert evaluate(runs, "--data", home / "again", "--output", tmp_path) == 0
    for name in ("fsq", "block-mean"):
        path, again = the(runs, f"{name}-*.json"), the(tmp_path / "smoke" / "again", f"{name}-*.json")
        then, now = read_record(path), read_record(again)
        assert now.metrics == then.metrics
        arrays, stored = read_arrays(again), read_arrays(path)
        assert arrays.keys() == {key for key in stored if not key.startswith("curve/")}
        assert all(np.array_equal(arrays[key], stored[key], equal_nan=True) for key in arrays)
        assert again.with_suffix(".png").exists()
        assert not again.with_suffix(".safetensors").exists()


def test_other_pictures_are_a_table_of_their_own(
    home: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], evaluate: Evaluate, the: The
) -> None:
    data = home / "other" / "test"
    assert evaluate(runs, "--data", data, "--output", tmp_path, "--limit", 8) == 0
    shown = capsys.readouterr().out
    assert "other-test, trained on seen · preset smoke" in shown
    path = the(tmp_path / "smoke" / "other-test", "fsq-*.json")
    record, stored = read_record(path), read_record(the(runs, "fsq-*.json"))
    assert record.data["test"]["pictures"] == 8
    assert record.data["trained_on"]["name"] == "seen"
    assert record.settings != stored.settings
    assert record.metrics["psnr"] != stored.metrics["psnr"]
    assert record.speed == {}
    assert record.command.endswith(f"--data {data} --limit 8")
    assert record.seed == stored.seed
    assert record.quantizer == stored.quantizer


def test_pictures_larger_than_trained_are_a_table_of_their_own(
    home: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], evaluate: Evaluate, the: The
) -> None:
    words = [the(runs, "fsq-*.json"), "--data", home / "other" / "test", "--output", tmp_path]
    assert evaluate(*words) == 0
    assert "other-test, trained on seen" in capsys.readouterr().out
    for size, title in (((48,), "48 px"), ((40, 64), "64 × 40 px")):
        assert evaluate(*words, "--image-size", *size) == 0
        assert f"other-test at {title}, trained on seen · preset smoke" in capsys.readouterr().out
    records = [read_record(path) for path in sorted((tmp_path / "smoke" / "other-test").glob("fsq-*.json"))]
    assert len({record.settings for record in records}) == 3
    assert {record.metrics["bpp"] for record in records} == {records[0].quantizer.bits_per_position / 64}
    assert {record.data["trained_on"].get("image_size") for record in records} == {None, 32}


def test_what_is_stored_is_not_measured_again(
    home: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], evaluate: Evaluate, the: The
) -> None:
    words = [the(runs, "fsq-*.json"), "--data", home / "other" / "test", "--output", tmp_path]
    for expected, extra in ((0, []), (1, []), (0, ["--force"])):
        assert evaluate(*words, *extra) == 0
        assert capsys.readouterr().out.count("done already") == expected
    assert len(list(tmp_path.glob("smoke/*/*.json"))) == 1


def test_of_train_and_test_folders_the_test_pictures_are_taken(
    home: Path, runs: Path, tmp_path: Path, evaluate: Evaluate, the: The
) -> None:
    shutil.copytree(home / "other", tmp_path / "set")
    shutil.copytree(home / "seen", tmp_path / "set" / "train")
    assert evaluate(the(runs, "fsq-*.json"), "--data", tmp_path / "set", "--output", tmp_path / "out") == 0
    record = read_record(the(tmp_path / "out" / "smoke" / "set", "fsq-*.json"))
    assert (record.data["test"]["pictures"], record.data["split"]) == (12, "train/ trains, test/ tests")


def test_a_part_is_measured_as_asked_and_the_screen_says_so(
    home: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], evaluate: Evaluate, the: The
) -> None:
    """Also one of the pictures that it was trained on, which are no test unless somebody says so."""
    run, stored = the(runs, "fsq-*.json"), read_record(the(runs, "fsq-*.json"))
    words = [run, "--data", home / "seen", "--output"]
    assert evaluate(*words, tmp_path / "unsaid") == 2
    assert "--part" in capsys.readouterr().err
    for part, count in (("test", 6), ("train", 24), ("all", 30)):
        assert evaluate(*words, tmp_path / part, "--part", part) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert f"seen: {count} pictures, " in shown
        record = read_record(the(tmp_path / part, "fsq-*.json"))
        assert record.data["test"]["pictures"] == count
        assert record.command.endswith(f"--part {part}")
        assert ("seen, trained on" if part == "all" else f"seen ({part}), trained on") in shown
        assert (record.metrics["psnr"] == stored.metrics["psnr"]) == (part == "test")


def test_an_evaluation_is_neither_made_again_nor_timed(
    home: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], evaluate: Evaluate, the: The
) -> None:
    assert evaluate(the(runs, "fsq-*.json"), "--data", home / "other" / "test", "--output", tmp_path / "out") == 0
    (path,) = (tmp_path / "out").rglob("*.json")
    timed = methods([runs, path], Console())
    assert timed.keys() == {read_record(the(runs, "fsq-*.json")).settings}
    for command in (
        lambda: reproduce([str(path)]),
        lambda: throughput([str(path)]),
        lambda: evaluate(path, "--data", "."),
    ):
        assert command() == 2
        error = capsys.readouterr().err
        assert "an evaluation on other data" in error or "no stored run" in error
        assert "Traceback" not in error


def other_weights(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]], of: str | None = None) -> None:
    weights = path.with_suffix(".safetensors")
    save_file(change(load_file(weights)), weights, metadata={"run": of or read_record(path).id})


def test_a_users_mistakes_are_sentences(home: Path, runs: Path, tmp_path: Path, refused: Refused, the: The) -> None:
    path = the(runs, "fsq-*.json")
    weights = path.with_suffix(".safetensors")
    whole = weights.read_bytes()
    (tmp_path / "empty").mkdir()
    other = ["--data", home / "other" / "test", "--output", tmp_path / "out"]

    refused("was trained on", path, "--data", home / "seen", "--output", tmp_path / "out")
    refused("no pictures in", path, "--data", tmp_path / "empty", "--output", tmp_path / "out")
    refused("there is no folder", path, "--data", tmp_path / "nowhere", "--output", tmp_path / "out")
    refused("does not exist", tmp_path / "nowhere.json", *other)
    refused("no stored run", tmp_path / "empty", *other)
    weights.write_bytes(whole[: len(whole) // 2])
    refused("not a file of weights", path, *other)
    weights.write_bytes(whole)
    other_weights(path, dict, of="lfq-10bit-seed0-0123456789")
    refused("the weights of lfq-10bit-seed0-0123456789, not of fsq", path, *other)
    other_weights(path, lambda tensors: {f"x{name}": tensor for name, tensor in tensors.items()})
    refused("missing: ", path, *other)
    weights.write_bytes(whole)
    other_weights(path, lambda tensors: {name: tensor.flatten()[:1] for name, tensor in tensors.items()})
    refused("of another shape: ", path, *other)
    weights.unlink()
    refused("make it again: python -m benchmarks.run", path, *other)
    assert not list((tmp_path / "out").rglob("*.json"))


def test_another_versions_run_is_refused(
    home: Path, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], evaluate: Evaluate, the: The
) -> None:
    path = the(runs, "fsq-*.json")
    raw = json.loads(path.read_text())
    path.write_text(json.dumps({**raw, "protocol": "reconstruction/0"}))
    assert evaluate(path, "--data", home / "again", "--output", tmp_path / "out") == 2
    assert "measured under reconstruction/0" in " ".join(capsys.readouterr().err.split())


def test_tables_of_runs_and_evaluations_are_not_mixed(make_record: Callable[..., Record]) -> None:
    own = make_record()
    elsewhere = make_record(
        settings="other", data={"name": "b", "source": "b", "fingerprint": "g", "trained_on": own.data}
    )
    titles = [table.title for table in summaries.comparison(summaries.summarise(summaries.to_frame([own, elsewhere])))]
    assert [title.split(" · ")[0] for title in titles] == ["b, trained on photographs", "photographs"]
