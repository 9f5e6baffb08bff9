"""The commands on a real GPU, as a user starts them: in every precision, near what a CPU gives, and resumed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.records.priors import read_generations
from benchmarks.records.record import Record, read_record
from benchmarks.records.speed import read_run

if not torch.cuda.is_available():
    pytest.skip("PyTorch finds no GPU here", allow_module_level=True)

ROOT = Path(__file__).parents[2]
SMOKE = ("--preset", "smoke", "--data", "pictures")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder to work in, with 30 pictures of smooth random colours in pictures/."""
    (tmp_path / "pictures").mkdir()
    random = np.random.default_rng(0)
    for number in range(30):
        coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((64, 48), Image.Resampling.BICUBIC).save(tmp_path / "pictures" / f"{number:02}.png")
    return tmp_path


def _start(home: Path, *words: object) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    words = (sys.executable, "-m", *map(str, words))
    return subprocess.Popen(
        words, cwd=home, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _do(home: Path, *words: object) -> str:
    process = _start(home, *words)
    shown, _ = process.communicate(timeout=300)
    assert process.returncode == 0, shown
    return shown


def _run(home: Path, output: str, *words: object) -> Record:
    _do(home, "benchmarks.run", *SMOKE, "--output", output, *words)
    (path,) = (home / output).rglob("fsq-*.json")
    return read_record(path)


def test_a_run_is_near_that_of_a_cpu_in_every_precision(home: Path) -> None:
    on_cpu = _run(home, "cpu", "--cpu")
    assert on_cpu.environment.device == "cpu"
    for precision in ("no", "bf16", "fp16"):
        record = _run(home, precision, "--train.precision", precision)
        assert record.environment.device == torch.cuda.get_device_name()
        assert record.metrics["psnr"] == pytest.approx(on_cpu.metrics["psnr"], abs=0.5)
        assert record.training.losses["total"] == pytest.approx(on_cpu.training.losses["total"], rel=0.1)
        assert record.speed["peak_memory_megabytes"] > 0


def test_a_killed_run_goes_on(home: Path) -> None:
    whole = _run(home, "whole", "--train.images", 320)
    words = (*SMOKE, "--train.images", 320, "--checkpoint-every", 1, "--output", "killed")
    process = _start(home, "benchmarks.run", *words)
    deadline = time.monotonic() + 120
    while not list((home / "killed").rglob("fsq-*.checkpoint.safetensors")):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    resumed = _run(home, "killed", *words[4:-2])
    # a GPU adds in no fixed order, so that even two whole runs differ in the last digits
    assert resumed.metrics["psnr"] == pytest.approx(whole.metrics["psnr"], abs=0.1)


def test_what_follows_a_run(home: Path) -> None:
    _run(home, "runs", "--quantizer", "fsq", "rq", "vq-ema", "lfq", "gumbel")
    _do(home, "benchmarks.generate", "--runs", "runs")
    generations = read_generations([home / "runs"], [])
    assert len(generations) == 6  # block-mean's, too
    assert {each.record.environment.device for each in generations} == {torch.cuda.get_device_name()}
    _do(home, "benchmarks.throughput", "runs")
    (path,) = (home / "runs").rglob("fsq-*.json")
    _do(home, "benchmarks.evaluate", path, "--data", "pictures", "--output", "elsewhere", "--limit", 8)


def test_speed(home: Path) -> None:
    _do(home, "benchmarks.speed", "--device", "cuda", "--quick", "--output", "speed")
    (path,) = (home / "speed").glob("*.json")
    run = read_run(path)
    assert run.conditions.device == "cuda"
    assert all(result.median_seconds > 0 for group in run.groups for result in group.results)
