"""Real sweeps: runs that fail beside others, on this machine and on Ray, stops and kills, and the SLURM script."""

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from benchmarks import compare, run as one_run
from benchmarks.command_line.process import START
from benchmarks.data.machine import cores, torch_threads
from benchmarks.records.baselines import OF_PICTURES as BASELINES
from benchmarks.records.record import read_records
from benchmarks.sweep.__main__ import main
from benchmarks.sweep.plan import Plan

Start = Callable[..., "subprocess.Popen[str]"]
Write = Callable[..., Path]
PlanOf = Callable[..., Plan]
ROOT = Path(__file__).parents[3]

FLAGS = ["--preset", "smoke", "--data", "pictures", "--cpu", "--loss.gan", "none", "--loss.perceptual", "none"]
"""The usual head of a sweep, without its output and the number of images."""

CRASHING = """
from quantizers import FSQ

class Crashing(FSQ):
    def quantize_rows(self, rows):
        raise RuntimeError("no [luck] today")
"""
CRASHED = "RuntimeError: no [luck] today; see my runs/logs/crashing"


@pytest.fixture(autouse=True)
def _modules_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Workers find this project and the quantizer above, as installed ones would be found."""
    (tmp_path / "crashing.py").write_text(CRASHING)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(tmp_path)]))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.syspath_prepend(str(tmp_path))


def _wait_for(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _workers(command: psutil.Process) -> list[psutil.Process]:
    """The runs that a sweep has going."""
    found = []
    for child in command.children():
        with suppress(psutil.Error):  # it may end at any moment
            found += [child] if "sweep.worker" in child.cmdline() else []
    return found


@contextmanager
def _meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Something that happens while a sweep goes on in this process."""
    errors: list[BaseException] = []

    def noting_errors() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=noting_errors)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert not errors


def _table(folder: str) -> str:
    path = Path(f"{folder}.csv")
    columns = ("psnr", "ssim", "swd", "usage", "perplexity")
    assert compare.main(compare.Arguments((Path(folder),), format="csv", output=path, columns=columns)) == 0
    return path.read_text()


@pytest.mark.slow
def test_after_kills_of_worker_and_sweep_the_rerun_ends_with_the_same_table(
    start: Start, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = "settings: {train.images: 320, checkpoint-every: 3}"
    threads = ["--workers", str(cores())]  # one each
    whole = ["--quantizer", "vq-ema", "--bits", "6", *FLAGS, "--train.images", "320"]
    with torch_threads(1):
        assert one_run.main([*whole, "--output", "whole"]) == 0
        assert one_run.main(["--quantizer", *BASELINES, *whole[2:], "--output", "my runs"]) == 0

    def resumed() -> int:
        return sum(log.read_text().count("going on from step") for log in Path("my runs/logs").glob("vq-ema*.log"))

    words = [str(write(f"- {{quantizers: vq-ema, bits: 6, {settings}}}")), *threads]
    sweep = start("benchmarks.sweep", *words)
    _wait_for(lambda: list(Path("my runs").rglob("*.checkpoint.safetensors")))
    (worker,) = _workers(psutil.Process(sweep.pid))
    worker.kill()
    _wait_for(lambda: resumed() == 1)
    (worker,) = _workers(psutil.Process(sweep.pid))
    sweep.kill()
    worker.wait(timeout=30)
    assert not list(Path("my runs").rglob("vq-ema*.json"))

    # And now beside one that fails.
    words = [str(write(f"- {{quantizers: ['crashing:Crashing', vq-ema], bits: 6, {settings}}}")), *threads]
    assert main(words) == 1
    shown = capsys.readouterr()
    assert "3 of 5 runs are done already" in shown.err
    assert CRASHED in shown.err
    assert "1 of 5 runs failed" in shown.err
    assert "records: my runs/smoke/pictures" in shown.err
    assert "PSNR" in shown.out
    (log,) = Path("my runs/logs").glob("crashing*.log")
    assert log.read_text().count("$ python -m benchmarks.run") == 1  # another try would end in the same way
    assert resumed() == 2
    assert _table("my runs") == _table("whole")

    assert main([*words, "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["done", "done", "done", "to", "done"]
    assert "python -m benchmarks.run --quantizer crashing:Crashing" in lines[3]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray (extra ray) is not installed")
def test_on_two_workers_of_ray_a_run_that_fails_is_listed_and_the_other_is_done(
    write: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    baselines = ["--quantizer", *BASELINES, "--bits", "6", *FLAGS, "--train.images", "32", "--output", "my runs"]
    assert one_run.main(baselines) == 0
    words = [str(write("- {quantizers: ['crashing:Crashing', fsq], bits: 6}")), "--ray", "local", "--workers", "2"]
    assert main(words) == 1
    shown = capsys.readouterr()
    assert CRASHED in shown.err
    assert "fsq 6 bits seed 0: done" in shown.err
    records, problems = read_records([Path("my runs")])
    assert sorted(record.quantizer.name for _, record in records) == ["block-mean", "fsq", "kmeans", "pca"]
    assert not problems

    assert main([str(write("- {quantizers: fsq, bits: 6}"))]) == 0
    shown = capsys.readouterr()
    assert "4 of 4 runs are done already" in shown.err
    assert "PSNR" in shown.out


def test_a_stop_ends_the_workers_and_says_how_to_go_on(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    def stop() -> None:
        _wait_for(lambda: _workers(psutil.Process()))
        os.kill(os.getpid(), signal.SIGTERM)

    with _meanwhile(stop):
        assert main([str(write("- {quantizers: fsq, bits: 6}"))]) == 130
    assert "the same command goes on from there" in capsys.readouterr().err
    assert not _workers(psutil.Process())
    assert not list(Path().rglob("*.json"))


def test_a_run_that_is_killed_twice_is_given_up_with_its_reason(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    def kill_two_workers() -> None:
        killed: set[int] = set()
        while len(killed) < 2:
            for worker in _workers(psutil.Process()):
                worker.kill()
                killed.add(worker.pid)

    with _meanwhile(kill_two_workers):
        assert main([str(write("- {quantizers: block-mean}"))]) == 1
    shown = capsys.readouterr().err
    assert "block-mean: killed by SIGKILL, 2 times; see my runs/logs/block-mean" in shown
    assert "1 of 1 runs failed" in shown


@pytest.mark.slow
def test_a_slurm_script_is_bash_and_does_the_run_of_its_task(
    write: Write, tmp_path: Path, plan_of: PlanOf, capsys: pytest.CaptureFixture[str]
) -> None:
    groups = "- {quantizers: rq, bits: [], options: {base: fsq, levels: '(4, 4)'}, settings: {data.root: it's}}"
    planned = plan_of(groups)
    script = tmp_path / "array.sh"
    assert main([str(write(groups)), "--slurm", str(script), "--cpus-per-run", "1", "--gpus-per-run", "0.5"]) == 0
    assert "3 runs are to do" in capsys.readouterr().err
    text = script.read_text()
    for line in ("--job-name=sweep", "--array=0-2", "--cpus-per-task=1", "--gpus-per-task=1"):
        assert f"\n#SBATCH {line}\n" in text
    assert f'#SBATCH --output="{tmp_path}/my runs/logs/slurm-%A_%a.log"' in text
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0

    def task(number: str, python: str = sys.executable) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "SLURM_ARRAY_TASK_ID": number}
        script.write_text(text.replace(sys.executable, python))
        return subprocess.run(
            ["bash", str(script)], env=environment, cwd="/", capture_output=True, text=True, check=False
        )

    done = task("0")
    assert done.returncode == 0, done.stderr
    assert [job.is_done for job in planned.jobs] == [True, False, False]
    assert task("2", python="echo").stdout == f"{START[1]} run {' '.join(planned.runs[0].words)}\n"
    assert task("3").returncode == 2

    assert main([str(write(groups)), "--slurm", str(script)]) == 0
    assert "--array=0-1\n" in script.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.yaml"], "cannot read none.yaml"),
        (["sweep.yaml", "--ray", "local", "--slurm", "x"], "give one of them"),
        (["sweep.yaml", "--slurm", "no/such/folder/x"], "cannot write --slurm"),
    ],
)
def test_a_mistake_gets_a_sentence_bad(
    words: list[str], said: str, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write("- {quantizers: fsq}")
    assert main(words) == 2
    shown = capsys.readouterr().err
    assert "error: " in shown
    assert said in shown
    assert not list(Path().rglob("*.json"))


def test_without_ray_a_sentence_says_how_to_get_it_bad(
    write: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main([str(write("- {quantizers: fsq}")), "--ray", "local"]) == 2
    assert "pip install 'quantizer-zoo-benchmark[ray]'" in capsys.readouterr().err


def test_help_explains_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for word in ("--dry-run", "--slurm", "quantizers (names, or all)", "OUTPUT/logs"):
        assert word in shown
