"""What a person waits for before a word appears: these do without torch."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

WITHOUT_TORCH = (
    "benchmarks.run --help",
    "benchmarks.run --list",
    "benchmarks.compare results/quick",
    "benchmarks.compare results/quick --matrix psnr",
    "benchmarks.report results/quick/imagenet-sample --output {folder}/report.html",
    "benchmarks.plot results/cpu --output {folder}",
    "benchmarks.plot --help",
    "benchmarks.catalogue --help",
    "benchmarks.generate --help",
    "benchmarks.evaluate --help",
    "benchmarks.evaluate --list-models",
    "benchmarks.sweep --help",
    "benchmarks.explain --help",
)


@pytest.mark.slow
@pytest.mark.parametrize("words", WITHOUT_TORCH)
def test_it_does_not_load_torch(words: str, tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", *words.format(folder=tmp_path).split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "rich" in imported
    assert "torch" not in imported
