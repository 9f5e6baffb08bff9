"""One run as a whole, killed by kill -9 and gone on, and on two processes."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from benchmarks.data.machine import torch_threads
from benchmarks.records.record import Record, read_record
from benchmarks.run import main

Start = Callable[..., "subprocess.Popen[str]"]


def three_ways(folder: Path, start: Start, quantizer: str, words: Sequence[str]) -> tuple[Record, Record]:
    """Its records as a whole and on two ranks. Killed once its first checkpoint was there, it ends as the whole.

    Args:
        folder: That all three are stored in.
        start: The fixture.
        quantizer: The one that is trained; baselines are done once.
        words: The command's, but for the quantizer and the output.
    """
    words = ["--quantizer", quantizer, *words]
    whole, killed, ranks = (folder / name for name in ("whole", "killed", "ranks"))
    with torch_threads(1):
        assert main([*words, "--output", str(whole)]) == 0
    for other in (killed, ranks):  # with the baselines, which are done already
        shutil.copytree(whole, other, ignore=shutil.ignore_patterns(f"{quantizer}-*"))
    process = start("benchmarks.run", *words, "--output", str(killed))
    deadline = time.monotonic() + 240
    while not list(killed.rglob("*.checkpoint.safetensors")):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    again = start("benchmarks.run", *words, "--output", str(killed))
    assert "going on from step" in again.communicate(timeout=300)[0]
    both = start("benchmarks.run", *words, "--output", str(ranks), processes=2)
    output = both.communicate(timeout=600)[0]
    assert both.returncode == 0, output
    one, resumed, two = (read_record(next(place.rglob(f"{quantizer}-*bit-*.json"))) for place in (whole, killed, ranks))
    assert two.id == one.id
    assert two.training.processes == 2
    assert resumed.training.losses == one.training.losses
    assert _measured(resumed) == pytest.approx(_measured(one), rel=1e-9)  # in another process, rounded otherwise
    return one, two


def _measured(record: Record) -> dict[str, float]:
    return {name: value for name, value in record.metrics.items() if value is not None}
