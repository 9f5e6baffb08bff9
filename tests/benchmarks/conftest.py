"""Made-up stored runs for tests of tables, pictures to train on, and the command line as a user starts it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks import run
from benchmarks.data.machine import torch_threads
from benchmarks.metrics import speed
from benchmarks.protocols.audio import fidelity
from benchmarks.records.record import SCHEMA, Environment, QuantizerRecord, Record, TrainingRecord
from benchmarks.records.throughput import PROTOCOL, Row, Throughput
from benchmarks.training.signals import Signal

ROOT = Path(__file__).parents[2]

speed.MIN_SECONDS = 0.01  # no test reads a speed: half a second for each part was most of the time of a small run


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """A valid record; keywords replace its fields."""

    def make(name: str = "fsq", seed: int = 0, psnr: float = 20.0, **fields: Any) -> Record:
        values: dict[str, Any] = {
            "schema_version": SCHEMA,
            "id": f"{name}-10bit-seed{seed}-0123456789",
            "protocol": "reconstruction/1",
            "preset": "quick",
            "settings": "abc",
            "changes": {},
            "seed": seed,
            "quantizer": QuantizerRecord(
                name=name, options={}, dim=4, codebook_size=1000, codes_per_position=1, bits_per_position=9.97
            ),
            "config": {},
            "data": {"name": "photographs", "source": "photographs", "fingerprint": "f"},
            "metrics": {"psnr": psnr, "ssim": 0.5, "rfid": None, "usage": 0.5, "bpp": 0.156},
            "missing": {"rfid": "its weights are not at hand"},
            "notes": {},
            "speed": {"encode_images_per_second": 100.0},
            "parameters": {"encoder": 1_000_000, "total": 3_000_000},
            "training": TrainingRecord(
                images=16_000,
                steps=500,
                processes=1,
                seconds=100.0,
                images_per_second=160.0,
                data_images_per_second=900.0,
                losses={"total": 0.1},
            ),
            "environment": Environment(
                python="3.11", torch="2", project="0", commit=None, platform="L", processor="p", device="cpu", threads=2
            ),
            "command": "python -m benchmarks.run",
            "training_images": 16_000,
            "created": datetime(2026, 1, 1, tzinfo=timezone.utc),
            "wall_seconds": 120.0,
        }
        return Record(**{**values, **fields})

    return make


@pytest.fixture
def throughput(make_record: Callable[..., Record]) -> Throughput:
    """Speeds of fsq at 10 bits under the settings of `make_record`: 7 images/s of training."""
    rounds = [{"train": value, "peak_memory_megabytes": None} for value in (5, 9, 7)]
    return Throughput(
        schema_version=1,
        protocol=PROTOCOL,
        settings="abc",
        rows=[Row(quantizer="fsq", rate=10, rounds=rounds)],
        environment=make_record().environment,
        command="python -m benchmarks.throughput",
        created=datetime(2026, 1, 1, tzinfo=timezone.utc),
    )


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., "subprocess.Popen[str]"]:
    """Start a module of this project, or a script, as its own process on one thread, or as several of torchrun's, in
    the test's folder."""

    module = str(ROOT / "tests" / "support" / "start_module.py")

    def popen(*words: str, processes: int = 1) -> "subprocess.Popen[str]":
        torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes))
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        return subprocess.Popen(
            [sys.executable, *(torchrun if processes > 1 else ()), module, *words],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return popen


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of 20 small photographs-like pictures: smooth random colours with some detail."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    random = np.random.default_rng(0)
    for index in range(20):
        coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((64, 48), Image.Resampling.BICUBIC).save(folder / f"{index:02}.png")
    return folder


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ten sounds of a second and a little more: chords that fade, two of them test."""
    soundfile = pytest.importorskip("soundfile")
    folder = tmp_path_factory.mktemp("speech")
    for number in range(10):
        times = np.arange(16_000 if number % 2 else 16_801) / 16_000
        pitches = 100 * (2 + number) * np.arange(1, 4)[:, None]
        chord = 0.2 * np.sin(2 * np.pi * pitches * times).sum(0) * np.exp(-3 * times)
        soundfile.write(folder / f"{number}.wav", chord, 16_000)
    return folder


@pytest.fixture(scope="session")
def trained_on_speech(speech: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of rq with two codes of 10 bits on these sounds, hardly trained."""
    output = tmp_path_factory.mktemp("speech runs")
    words = ["--preset", "speech-smoke", "--quantizer", "rq", "--bits", "20", "--data", str(speech), "--cpu"]
    with pytest.MonkeyPatch.context() as patch, torch_threads(1):
        patch.setattr(fidelity, "has_visqol", lambda: False)  # it takes seconds
        patch.setattr(Signal, "baseline_runs", lambda *_: [])
        assert run.main([*words, "--output", str(output)]) == 0
    (record,) = output.rglob("rq-*.json")
    return record.parent


@pytest.fixture
def speech_run(trained_on_speech: Path, tmp_path: Path) -> Path:
    """A copy of that run, that a test may add to."""
    (record,) = shutil.copytree(trained_on_speech, tmp_path / "run").glob("rq-*.json")
    return record
