"""What the machine can give, and the warning where it is busy."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from rich.console import Console

from benchmarks.data import machine
from benchmarks.run import main
from benchmarks.sweep import local

SPIN = "import os, sys\nos.sched_setaffinity(0, [int(sys.argv[1])])\nprint(flush=True)\nwhile True: pass"
WARNING = "threads that wait for each other on busy cores"


@pytest.fixture
def load() -> Iterator[None]:
    """A process on each core that is never idle."""
    processes = [
        subprocess.Popen([sys.executable, "-c", SPIN, str(core)], stdout=subprocess.PIPE)
        for core in os.sched_getaffinity(0)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    yield
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture(autouse=True)
def not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(machine.SAID, "")


def test_the_number_of_threads_is_set_and_set_back() -> None:
    before = torch.get_num_threads()
    with machine.torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


@pytest.mark.usefixtures("load")
def test_a_load_is_seen_and_said_once_in_a_process_and_those_that_it_starts(capfd: pytest.CaptureFixture[str]) -> None:
    begin = time.monotonic()
    free = machine.free_cores()
    assert time.monotonic() - begin < 2 * machine.LOOK + 0.5
    assert free < 0.4 * machine.cores()
    errors = Console(stderr=True)
    for _ in range(2):
        machine.warn_of_crowding(2, "set OMP_NUM_THREADS=1", errors)
    again = "from benchmarks.data.machine import *; warn_of_crowding(2, '', own_console())"
    subprocess.run([sys.executable, "-c", again], check=True)
    said = capfd.readouterr().err
    assert said.count(WARNING) == 1
    assert "set OMP_NUM_THREADS=1" in said
    subprocess.run([sys.executable, "-c", again], check=True, env={**os.environ, machine.SAID: ""})
    assert capfd.readouterr().err.count(WARNING) == 1  # the child can


def test_a_load_of_the_container_counts_against_its_quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    monkeypatch.setattr(machine.psutil, "cpu_percent", lambda look, percpu: time.sleep(look) or [0.0] * 1024)
    allowed = len(os.sched_getaffinity(0))
    assert machine.free_cores() == allowed  # no control groups here
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 5000000\nuser_usec 1\n")
    assert machine.free_cores() == allowed
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert machine.free_cores() == 0.5
    monkeypatch.setattr(machine, "_cgroup_seconds", iter([5.0, 6.0]).__next__)
    assert machine.free_cores() == 0.0


@pytest.mark.parametrize(
    ("threads", "free", "warned"), [(2, 1.8, False), (2, 1.2, True), (1, 0.0, False), (4, 2.9, True)]
)
def test_no_warning_without_a_load_nor_of_one_thread(
    threads: int, free: float, warned: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "free_cores", lambda: free)
    machine.warn_of_crowding(threads, "", Console(stderr=True))
    assert (WARNING in capsys.readouterr().err) == warned


def test_a_run_says_it(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "free_cores", lambda: 0.3)
    words = ["--quantizer", "block-mean", "--preset", "smoke", "--cpu", "--data", str(pictures)]
    words += ["--output", str(tmp_path / "runs")]
    with machine.torch_threads(2):
        assert main(words) == 0
        assert main([*words, "--force"]) == 0
    captured = capsys.readouterr()
    assert captured.err.count(f"2 threads, and 0.3 of {machine.cores()} cores free: {WARNING}") == 1
    assert WARNING not in captured.out


def test_a_sweep_says_it_for_its_workers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(machine, "free_cores", lambda: 0.3)
    errors = Console(stderr=True)
    local.warn_of_crowding([{"OMP_NUM_THREADS": "1"}] * 2, errors)  # which do not wait for each other
    local.warn_of_crowding([{"OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "0"}], errors)
    assert WARNING not in capsys.readouterr().err
    local.warn_of_crowding([{"OMP_NUM_THREADS": "2"}] * 2, errors)
    assert "4 threads, and 0.3" in capsys.readouterr().err
    assert os.environ[machine.SAID]  # which its workers are given
