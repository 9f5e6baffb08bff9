"""Priors that are trained by a process that is killed, by several, and by one that is watched."""

import re
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from benchmarks.records.arrays import read_arrays


@pytest.mark.slow
def test_killed_and_going_on(start, generate, stored, fsq: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A process of its own: autograd does not work in a fork."""
    words = ("--run", str(fsq), "--train.images", "480", "--checkpoint-every", "5")
    process = start("benchmarks.generate", *words, "--cpu")
    while process.poll() is None and not list(fsq.parent.glob("prior-*.checkpoint.safetensors")):
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    (checkpoint,) = fsq.parent.glob("prior-*.checkpoint.safetensors")
    assert not list(fsq.parent.glob("prior-*.json"))
    capsys.readouterr()
    assert generate(*words) == 0
    assert re.search(r"going on from step \d+ of 30", capsys.readouterr().out)
    path, resumed, drawn = stored(fsq.parent)
    assert not checkpoint.exists()
    before = read_arrays(path)
    assert generate(*words, "--force") == 0
    _, whole, again = stored(fsq.parent)
    assert resumed.metrics == whole.metrics
    assert drawn.metrics == again.metrics
    assert resumed.training.losses == whole.training.losses
    for name, values in read_arrays(path).items():
        np.testing.assert_array_equal(values, before[name])


@pytest.mark.slow
def test_two_processes_train_what_one_does(start, stored, generate, fsq: Path, tmp_path: Path) -> None:
    assert generate("--run", fsq) == 0
    path, one, _ = stored(fsq.parent)
    for file in [*fsq.parent.glob("prior-*"), *fsq.parent.glob("samples-*")]:
        file.rename(tmp_path / file.name)
    process = start("benchmarks.generate", "--runs", str(fsq), "--cpu", processes=2)
    out, _ = process.communicate()
    assert process.returncode == 0, out
    again, two, _ = stored(fsq.parent)
    assert two.training.processes == 2
    expected = load_file((tmp_path / path.name).with_suffix(".safetensors"))
    for name, value in load_file(again.with_suffix(".safetensors")).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-4)
    assert two.metrics["nll_bits"] == pytest.approx(one.metrics["nll_bits"], rel=1e-3)


@pytest.mark.slow
def test_a_prior_that_is_watched_is_the_same_prior(generate, stored, runs: Path, fsq: Path, tmp_path: Path) -> None:
    shutil.copytree(runs, tmp_path / "watched")
    assert generate("--run", fsq) == 0
    assert generate("--run", tmp_path / "watched" / fsq.name, "--log", "jsonl") == 0
    path, watched = stored(runs).path, stored(tmp_path / "watched").path
    assert path.name == watched.name
    one, two = (load_file(each.with_suffix(".safetensors")) for each in (path, watched))
    assert all(torch.equal(one[name], two[name]) for name in one)
    told = pd.read_json(watched.with_suffix(".logs") / "curves.jsonl", lines=True)
    assert list(told["loss"]) == pytest.approx(list(read_arrays(watched)["curve/loss"]))
    assert (watched.with_suffix(".logs") / f"samples-{told['step'].iloc[-1]:08}.png").exists()


ONE_FAILS = """
import sys, torch.distributed as dist
from benchmarks.generate.__main__ import main
from benchmarks.training.prior_trainer import PriorTrainer

trains = PriorTrainer._train_step

def step(self, batch):
    if self.step == 2 and dist.get_rank() == 1:
        raise OSError("the disk is gone")
    trains(self, batch)

PriorTrainer._train_step = step
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_an_error_of_one_process_ends_all_that_train_a_prior(start, fsq: Path, tmp_path: Path) -> None:
    (tmp_path / "generate.py").write_text(ONE_FAILS)
    process = start(str(tmp_path / "generate.py"), "--runs", str(fsq), "--cpu", processes=2)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 1, said
    assert said.count("process 1 of 2: the disk is gone") == 1
    assert "Connection closed" not in said
    assert not list(fsq.parent.glob("prior-*.json"))
