"""What is shown of a sweep, and how the machine is shared out."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.data.machine import cores
from benchmarks.sweep import local
from benchmarks.sweep.display import Display, step
from benchmarks.sweep.job import Job, Outcome, why

HEADER = "$ python -m benchmarks.run --quantizer fsq\n"


def _job(folder: Path, name: str) -> Job:
    return Job(name, (), folder / f"{name}.json", folder / f"{name}.log")


@pytest.mark.parametrize(
    ("log", "at"),
    [
        (HEADER, None),
        (f"{HEADER}fsq 10 bits seed 0: step 20/100 perplexity 3\n", (20, 100)),
        (f"{HEADER}fsq: step 20/100\n{HEADER}", None),
        (f"{HEADER}fsq: step 20/100\n{HEADER}fsq: going on from step 14 of 100\n", (14, 100)),
        (f"{HEADER}{'x' * 10_000}\nfsq: step 20/100\n", (20, 100)),
    ],
)
def test_the_step_is_that_of_the_last_attempt(log: str, at: tuple[int, int] | None, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(log)
    assert step(tmp_path / "log") == at


@pytest.mark.parametrize("terminal", [True, False])
def test_runs_are_shown_from_their_start_to_their_end(terminal: bool, tmp_path: Path) -> None:
    shown = io.StringIO()
    jobs = [_job(tmp_path, name) for name in ("one", "two", "three")]
    jobs[2].log.write_text(HEADER)  # of an earlier sweep
    with Display(jobs, Console(file=shown, force_terminal=terminal, width=100)) as display:
        jobs[0].log.write_text(f"{HEADER}one: step 20/100\n")
        display.look()
        assert list(display.running) == [jobs[0]]
        display.end([Outcome(jobs[0], "done"), Outcome(jobs[1], "failed", "too [bad]")])
        assert not display.running
    assert "two: failed: too [bad]" in shown.getvalue()
    assert ("20/100" in shown.getvalue() or "2/3" in shown.getvalue()) == terminal
    assert ("one: started\none: done, 1 of 3" in shown.getvalue()) != terminal
    assert "three" not in shown.getvalue()


@pytest.mark.parametrize(
    ("code", "output", "reason"),
    [
        (-9, "anything", "killed by SIGKILL, 2 times"),
        (1, "fine\nerror: fsq seed 0: step 3: not finite\n1 of 2 runs failed\n", "step 3: not finite"),
        (2, "error: there is no folder: x\n", "there is no folder: x"),
        (1, "Traceback\n  File\nRuntimeError: no\n\n╰──╯\n", "RuntimeError: no"),
        (3, "\n", "it ended with exit code 3 and said nothing"),
    ],
)
def test_the_reason_is_the_last_that_a_process_said(code: int, output: str, reason: str, tmp_path: Path) -> None:
    assert why(_job(tmp_path, "fsq seed 0 beta=1"), code, output) == reason


def test_cores_and_gpus_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "gpus", list)
    assert local.shares(None) == [{"OMP_NUM_THREADS": "1"}] * cores()
    assert local.shares(1) == [{"OMP_NUM_THREADS": str(cores())}]
    assert local.shares(3 * cores())[-1] == {"OMP_NUM_THREADS": "1"}
    monkeypatch.setattr(local, "gpus", lambda: ["4", "6"])
    assert len(local.shares(None)) == 2
    assert [share["CUDA_VISIBLE_DEVICES"] for share in local.shares(3)] == ["4", "6", "4"]
