"""A newcomer's walk: the README's own commands, on a folder of a few pictures, at sizes that take seconds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from documentation import ROOT, blocks, write_files
from PIL import Image

pytestmark = pytest.mark.slow

SMALL = ["--preset", "smoke", "--cpu"]

ELSEWHERE = "--checkpoint"
"""In the command that needs published weights; `tests/benchmarks/evaluate` has it measure made-up ones."""


def _pictures(folder: Path, seed: int) -> None:
    folder.mkdir(parents=True)
    random = np.random.default_rng(seed)
    for index in range(20):
        coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((64, 48), Image.Resampling.BICUBIC).save(folder / f"{index:02}.png")


def _small(words: list[str]) -> list[str]:
    """The command at the smallest preset, of one quantizer and one seed."""
    if words[2] != "benchmarks.run":
        return words
    words = ["fsq" if word == "all" else word for word in words]
    if "--seed" in words:
        first = words.index("--seed") + 1
        words = [*words[: first + 1], *words[first + 3 :]]
    return [*words, *SMALL]


def test_own_quantizer_own_folder_own_pictures_and_the_report(tmp_path: Path) -> None:
    write_files(tmp_path)  # as the page that README's section links to says
    for seed, name in enumerate(("your/folder", "originals", "reconstructions")):
        _pictures(tmp_path / "path" / "to" / name, seed)
    started = []
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    for block in blocks("sh"):
        sets_up = "-m venv" in block.text
        for words in block.commands() if block.page == ROOT / "README.md" and not sets_up else ():
            if words[0] != ".venv/bin/python" or ELSEWHERE in words:
                continue
            command = [sys.executable, *_small(words)[1:]]
            done = subprocess.run(
                command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=False
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            started.append(words[2])
    assert started == [
        "quantizers.testing",
        "benchmarks.run",
        "benchmarks.run",
        "benchmarks.evaluate",
        "benchmarks.compare",
        "benchmarks.report",
    ]
    (record,) = (tmp_path / "runs").rglob("mine.Ternary-*.json")
    assert json.loads(record.read_text(encoding="utf-8"))["quantizer"]["codebook_size"] == 3**6
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert all(name in report for name in ("mine.Ternary", "fsq", "reconstructions"))
