"""The main command as a user runs it: rows, pictures, resuming after a kill, several processes, and mistakes."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.data.machine import torch_threads
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import Record, read_record
from benchmarks.run import main
from benchmarks.training.presets import PRESETS

Start = Callable[..., "subprocess.Popen[str]"]
SMOKE = ["--preset", "smoke", "--cpu"]


def _record(folder: Path, quantizer: str) -> tuple[Path, Record]:
    (path,) = folder.rglob(f"{quantizer}-*.json")
    return path, read_record(path)


def _numbers(record: Record) -> dict[str, object]:
    """What must not depend on when, where and in how many sittings the run was made."""
    return {
        "metrics": record.metrics,
        "losses": record.training.losses,
        "id": record.id,
        "images": record.training.images,
    }


def _run_here(*words: str) -> int:
    """The command in this process, on one thread as in those that are started."""
    with torch_threads(1):
        return main(words)


def _output(process: "subprocess.Popen[str]", timeout: float = 240) -> str:
    output, _ = process.communicate(timeout=timeout)
    return output


def _wait_for_a_checkpoint(process: "subprocess.Popen[str]", folder: Path) -> None:
    deadline = time.monotonic() + 120
    while not list(folder.rglob("*.checkpoint.safetensors")):
        assert process.poll() is None, _output(process)
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_main_job_ends_in_a_row_a_picture_and_a_record(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("benchmarks.run", "--quantizer", "fsq", *SMOKE)
    first = start(*words)
    shown = _output(first)
    assert first.returncode == 0, shown
    assert "PSNR" in shown
    assert "fsq" in shown
    assert "block-mean" in shown
    assert "rfid" in shown  # empty here, and the screen says why

    path, record = _record(tmp_path / "runs", "fsq")
    assert record.preset == "smoke"
    assert record.metrics["psnr"] is not None
    assert 5 < record.metrics["psnr"] < 40
    assert 0 < record.metrics["usage"] <= 1
    assert record.training.images == PRESETS["smoke"].train.images
    assert record.parameters["total"] == sum(count for name, count in record.parameters.items() if name != "total")
    assert "python -m benchmarks.weights" in record.missing["rfid"] or record.metrics["rfid"] is not None
    assert Image.open(path.with_suffix(".png")).width > 200
    arrays = read_arrays(path)
    assert np.mean(arrays["image/psnr"]) == pytest.approx(record.metrics["psnr"])
    assert arrays["samples/original"].shape == arrays["samples/reconstruction"].shape
    assert path.with_suffix(".safetensors").exists()
    assert not list(path.parent.glob("*checkpoint*"))

    monkeypatch.chdir(tmp_path)
    assert _run_here(*words[1:]) == 0
    assert "fsq 10 bits seed 0: done already" in capsys.readouterr().out
    assert read_record(path).created == record.created


@pytest.mark.slow
def test_a_killed_run_ends_in_the_numbers_of_an_uninterrupted_one(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--quantizer", "vq-ema", *SMOKE, "--train.images", "320", "--checkpoint-every", "3")
    assert _run_here(*words, "--output", str(tmp_path / "whole")) == 0

    killed = start("benchmarks.run", *words, "--output", "killed")
    _wait_for_a_checkpoint(killed, tmp_path / "killed")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not list((tmp_path / "killed").rglob("vq-ema-*.json"))

    capsys.readouterr()
    assert _run_here(*words, "--output", str(tmp_path / "killed")) == 0
    assert "going on from step" in capsys.readouterr().out
    assert _numbers(_record(tmp_path / "killed", "vq-ema")[1]) == _numbers(_record(tmp_path / "whole", "vq-ema")[1])


@pytest.mark.slow
def test_ctrl_c_leaves_a_run_that_goes_on(start: Start, tmp_path: Path) -> None:
    words = ("benchmarks.run", "--quantizer", "fsq", *SMOKE, "--train.images", "1600", "--checkpoint-every", "5")
    process = start(*words)
    _wait_for_a_checkpoint(process, tmp_path / "runs")
    process.send_signal(signal.SIGINT)
    shown = _output(process, timeout=60)
    assert process.returncode == 130, shown
    assert "the same command goes on from there" in shown
    assert "Traceback" not in shown


@pytest.mark.slow
def test_a_run_of_two_processes_goes_on_with_one(start: Start, tmp_path: Path, pictures: Path) -> None:
    words = ("--quantizer", "vq-ema", "--bits", "4", "--loss.gan", "none", *SMOKE)
    words = (*words, "--data", str(pictures), "--train.images", "320", "--checkpoint-every", "5")
    two = start("benchmarks.run", *words, "--output", "two", processes=2)
    _wait_for_a_checkpoint(two, tmp_path / "two")
    shutil.copytree(tmp_path / "two", tmp_path / "one")
    assert two.wait(240) == 0, _output(two)
    one = start("benchmarks.run", *words, "--output", "one")
    shown = _output(one)
    assert one.returncode == 0, shown
    assert re.search(r"vq-ema 4 bits seed 0: going on from step \d+ of 20", shown)
    records = [_record(tmp_path / name, "vq-ema")[1] for name in ("two", "one")]
    assert [record.training.processes for record in records] == [2, 1]
    assert records[0].id == records[1].id
    assert records[0].metrics["psnr"] == pytest.approx(records[1].metrics["psnr"], abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("accumulation", ["1", "2"])
def test_two_processes_train_and_their_metrics_are_those_of_one(
    start: Start, tmp_path: Path, pictures: Path, accumulation: str
) -> None:
    words = ("--quantizer", "vq-ema", "--bits", "4", "--deferred", "0.5", "--loss.gan", "none", *SMOKE)
    words = (*words, "--data", str(pictures))
    parts = ("--train.accumulation", accumulation)
    two = start("benchmarks.run", *words, *parts, "--output", "two", processes=2)
    shown = _output(two)
    assert two.returncode == 0, shown
    assert shown.count("PSNR") == 1  # one process speaks
    assert _run_here(*words, "--output", str(tmp_path / "one")) == 0

    records = [_record(tmp_path / name, "vq-ema") for name in ("one", "two")]
    assert [record.training.processes for _, record in records] == [1, 2]
    # Gradients are summed in another order, which training amplifies a little.
    assert records[0][1].metrics["psnr"] == pytest.approx(records[1][1].metrics["psnr"], abs=0.02)
    # No training, so nothing but the evaluation: equal to the last digits.
    means = [_record(tmp_path / name, "block-mean")[1].metrics for name in ("one", "two")]
    measured = [{name: value for name, value in metrics.items() if value is not None} for metrics in means]
    assert {"psnr", "ssim", "swd", "usage", "bpp_entropy"} <= measured[0].keys()
    assert measured[0] == pytest.approx(measured[1], rel=1e-6)
    # Each process fits on its share, and all have the same; k-means starts from the pictures in another order.
    for baseline, least in (("pca", 1e-3), ("kmeans", 0.3)):
        one, two = (_record(tmp_path / name, baseline)[1] for name in ("one", "two"))
        assert one.training.images == two.training.images == 128
        assert one.metrics["psnr"] == pytest.approx(two.metrics["psnr"], abs=least)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--quantizer", "fqs"], "fsq"),
        (["--quantizer", "vq-em"], "vq-ema"),
        (["--quantizer", "nowhere.at:All"], "nowhere"),
        (["--quantizer", "fsq", "--bits", "0"], "bits"),
        (["--quantizer", "rq", "--bits", "11", "--options", "codes_per_position=2"], "codes_per_position"),
        (["--quantizer", "fsq", "--options", "levels"], "name=value"),
        (["--quantizer", "fsq", "--options", "decay=0.9"], "decay"),
        (["--data", "no/such/folder"], "no/such/folder"),
        (["--data.image-size", "512"], "image_size"),
        (["--model.image-size", "48"], "--data.image-size"),
        (["--train.batch-size", "200000", "--train.images", "200000"], "GiB"),
        (["--inception", "no-such-file"], "no-such-file"),
    ],
)
def test_a_mistake_gets_a_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*SMOKE, "--output", str(tmp_path / "runs"), *words]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.startswith("error: ")
    assert not list(tmp_path.rglob("*.json"))


def test_settings_that_cannot_work_get_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*SMOKE, "--train.images", "1"])
    assert ended.value.code == 2
    assert "at least one whole batch" in " ".join(capsys.readouterr().err.split())


def test_an_output_that_cannot_be_written_gets_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main([*SMOKE, "--output", str(tmp_path / "file" / "runs")]) == 2
    assert "cannot write to --output" in capsys.readouterr().err


def test_pictures_smaller_than_the_crop_get_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    for index in range(10):
        Image.new("RGB", (16, 16), (index, 0, 0)).save(folder / f"{index}.png")
    assert main([*SMOKE, "--output", str(tmp_path / "runs"), "--data", str(folder)]) == 2
    assert "16" in capsys.readouterr().err


def test_a_failing_run_leaves_the_others_and_says_so(
    tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*SMOKE, "--output", str(tmp_path / "runs"), "--data", str(pictures), "--train.learning-rate", "1e30"]
    assert main(["--quantizer", "fsq", *words]) == 1
    captured = capsys.readouterr()
    assert "fsq 10 bits seed 0: step" in captured.err
    assert "1 of 4 runs failed" in captured.err
    assert "block-mean" in captured.out
    assert _record(tmp_path / "runs", "block-mean")[1].training.images == 0


def test_the_list_names_every_quantizer_with_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    shown = capsys.readouterr().out
    for name in ("none", "vq", "vq-ema", "rq", "fsq", "lfq", "gumbel"):
        assert re.search(rf"^ *{name} +\w", shown, re.MULTILINE), name


def test_help_explains_presets_and_shows_their_values(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--preset", "cpu", "--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "--quantizer" in shown
    assert "--train.learning-rate" in shown
    assert "96000" in shown.replace(",", "")


@pytest.mark.slow
def test_records_hold_no_path_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--quantizer", "fsq", *SMOKE, "--data", "pictures"]) == 0
    path, _ = _record(tmp_path / "runs", "fsq")
    assert os.sep + "tmp" not in path.read_text()
    assert json.loads(path.read_text())["data"]["source"] == "pictures"
