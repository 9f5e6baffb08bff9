"""What a person waits for before a word appears: these do without torch."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import COMMANDS

ROOT = Path(__file__).parents[1]

WITH_TORCH = ("quantizers.testing", "benchmarks.sweep.worker", "benchmarks.speed.positions")
"""The contract is about torch, and the others are not what a person begins with."""

WITHOUT_TORCH = (
    "benchmarks --help",
    "benchmarks.run --list",
    "benchmarks.compare results/quick",
    "benchmarks.compare results/quick --matrix psnr",
    "benchmarks.report results/gan --output {folder}/report.html",
    "benchmarks.plot results/gan --output {folder}",
    "benchmarks.evaluate --list-models",
    *(f"{module} --help" for module, _ in COMMANDS.values() if module not in WITH_TORCH),
)


@pytest.mark.slow
@pytest.mark.parametrize("words", WITHOUT_TORCH)
def test_it_does_not_load_torch(words: str, tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", *words.format(folder=tmp_path).split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "runpy" in imported  # the list is one
    assert "torch" not in imported
