"""One run of a sweep, carried out in a process of its own: what becomes of it never touches the others."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.command_line.process import START
from benchmarks.records.files import if_stored
from benchmarks.records.record import read_record

ATTEMPTS = 2
"""Times that a run is started which someone kills; it goes on from its checkpoint."""
GRACE = 60.0
"""Seconds that a run may take to store its checkpoint when the sweep is stopped."""
TICK = 0.1
"""Seconds between two looks at what goes on."""


@dataclass(frozen=True)
class Job:
    """A run as a command."""

    name: str
    """For the screen: "fsq 10 bits seed 0"."""
    words: tuple[str, ...]
    """Of the command line, after `python -m benchmarks.run`."""
    record: Path
    log: Path

    @property
    def command(self) -> str:
        """What a shell takes."""
        return shlex.join(["python", "-m", "benchmarks.run", *self.words])

    @property
    def is_done(self) -> bool:
        """Whether its record is stored, whoever made it."""
        return if_stored(self.record, read_record) is not None


@dataclass(frozen=True)
class Outcome:
    """What became of a job."""

    job: Job
    status: Literal["done", "failed", "stopped"]
    reason: str = ""


Executor = Callable[[Sequence[Job], Callable[[], bool]], Iterator[list[Outcome]]]
"""What does jobs until all have ended or a stop is requested: yields what has ended, and often, be it nothing."""


def carry_out(job: Job, environment: Mapping[str, str], stop_requested: Callable[[], bool]) -> Outcome:
    """Do a job, in an environment with these variables added, and wait for its end."""
    reason = ""
    for _ in range(ATTEMPTS):
        if stop_requested():
            return Outcome(job, "stopped")
        code, output = _run(job, environment, stop_requested)
        if job.is_done:
            return Outcome(job, "done")
        if stop_requested():
            return Outcome(job, "stopped")
        reason = why(job, code, output)
        if not _killed(code):
            break
    return Outcome(job, "failed", reason)


def _killed(code: int) -> bool:
    """Whether someone ended the process from outside: by a signal, or by one that it obeyed."""
    return code < 0 or code == 130


def why(job: Job, code: int, output: str) -> str:
    """Why a process failed that ended with this code and output: its last error, or its last line."""
    if code < 0:
        return f"killed by {signal.Signals(-code).name}, {ATTEMPTS} times"
    lines = [line for line in output.splitlines() if any(map(str.isalnum, line))]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    last = (errors or lines or [f"it ended with exit code {code} and said nothing"])[-1]
    run, _, error = last.partition(": ")
    return error if error and job.name.startswith(run) else last


def _run(job: Job, environment: Mapping[str, str], stop_requested: Callable[[], bool]) -> tuple[int, str]:
    """The exit code of one attempt, and what it wrote to the log."""
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with job.log.open("ab") as log:
        log.write(f"$ {job.command}\n".encode())
        log.flush()
        begin = log.tell()
        process = subprocess.Popen(
            [*START, "sweep.worker", *job.words],
            stdin=subprocess.PIPE,  # held open as long as this process lives: see the worker
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment, "COLUMNS": "200"},
            start_new_session=True,  # Ctrl-C is for the sweep, which stops its runs itself
        )
    try:
        while process.poll() is None and not stop_requested():
            time.sleep(TICK)
    finally:
        _end(process)
    return process.returncode, job.log.read_bytes()[begin:].decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that still runs: politely, so that it stores its checkpoint, and by force if it takes too long."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
    process.communicate()
