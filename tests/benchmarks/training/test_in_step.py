"""An error of one of several processes, as a user meets it."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.run import main

pytestmark = pytest.mark.slow

Start = Callable[..., "subprocess.Popen[str]"]
SMOKE = ("--preset", "smoke", "--cpu", "--bits", "4", "--loss.gan", "none")

FAULTY = '''
from quantizers import VQEMA
from quantizers.distributed import rank

class Faulty(VQEMA):
    """Is given a bad latent on some of the processes, in the third step."""

    steps = 0

    def forward(self, z):
        self.steps += self.training
        return super().forward(z * float("nan") if self.steps == 3 and rank() in RANKS else z)
'''


EVALUATE = """
import sys, torch.distributed as dist
from benchmarks.evaluate import measure
from benchmarks.evaluate.__main__ import main

measures = measure.evaluate_pairs

def evaluate_pairs(*args, **others):
    if dist.get_rank() == 1:
        raise OSError("the disk is gone")
    return measures(*args, **others)

measure.evaluate_pairs = evaluate_pairs
sys.exit(main(sys.argv[1:]))
"""


def _said(process: "subprocess.Popen[str]") -> str:
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 1, output
    # torchrun adds a table of its own about the process that ended first
    return output.partition("torch.distributed.elastic.multiprocessing.errors.ChildFailedError")[0]


def _start_runs(start: Start, folder: Path, pictures: Path, ranks: str) -> str:
    (folder / "faulty.py").write_text(FAULTY.replace("RANKS", ranks))
    words = ("--quantizer", "faulty:Faulty", "fsq", *SMOKE, "--data", str(pictures))
    return _said(start("benchmarks.run", *words, processes=2))


def test_an_error_of_one_process_is_said_once_and_ends_all(start: Start, tmp_path: Path, pictures: Path) -> None:
    said = _start_runs(start, tmp_path, pictures, "(1,)")
    sentence = "process 1 of 2: step 3: the forward pass failed: z must be finite"
    assert said.count(sentence) == 1
    assert said.count("error: ") == 1
    assert "all processes have stopped; the same command goes on from there" in said
    assert "Connection closed" not in said
    assert not list(tmp_path.rglob("fsq-*.json"))


def test_an_error_of_all_processes_leaves_the_next_run(start: Start, tmp_path: Path, pictures: Path) -> None:
    said = _start_runs(start, tmp_path, pictures, "(0, 1)")
    assert said.count("step 3: the forward pass failed: z must be finite") == 1
    assert "1 of 5 runs failed; the others are stored" in said
    assert len(list(tmp_path.rglob("fsq-*.json"))) == 1


def test_an_error_of_one_process_ends_all_that_evaluate(start: Start, tmp_path: Path, pictures: Path) -> None:
    assert main(["--quantizer", "fsq", *SMOKE, "--data", str(pictures), "--output", str(tmp_path / "runs")]) == 0
    (run,) = tmp_path.rglob("fsq-*.json")
    shutil.copytree(pictures, tmp_path / "others")
    (tmp_path / "others" / "00.png").unlink()
    (tmp_path / "two.py").write_text(EVALUATE)
    words = (str(run), "--data", str(tmp_path / "others"), "--output", "measured", "--cpu")
    said = _said(start(str(tmp_path / "two.py"), *words, processes=2))
    assert said.count("process 1 of 2: the disk is gone") == 1
    assert not list((tmp_path / "measured").rglob("*.json"))


def test_pictures_that_no_process_finds_are_a_sentence(start: Start, tmp_path: Path) -> None:
    process = start("benchmarks.run", *SMOKE, "--data", "nowhere", processes=2)
    said = _said(process)
    assert "error: there is no folder" in said
    assert "process 1 of 2" not in said
