"""Seconds until a command has said its word, beside what `import torch` alone takes, each in a process of its own."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

STARTS = {
    "import torch": ("-c", "import torch"),
    "import torch, and every quantizer": ("-c", "import torch; from quantizers import *"),
    "run --help": ("-m", "benchmarks.run", "--help"),
    "run --list": ("-m", "benchmarks.run", "--list"),
    "compare results/quick": ("-m", "benchmarks.compare", "results/quick"),
    "evaluate --list-models": ("-m", "benchmarks.evaluate", "--list-models"),
}
"""The first is what the others are measured by."""


@pytest.mark.parametrize("name", STARTS)
def test_start(benchmark: Any, name: str, starts: dict[str, float]) -> None:
    benchmark.group = "start"
    command = [sys.executable, *STARTS[name]]
    benchmark.pedantic(
        lambda: subprocess.run(command, cwd=ROOT, capture_output=True, check=True), rounds=3, warmup_rounds=1
    )
    starts[name] = benchmark.stats.stats.median
