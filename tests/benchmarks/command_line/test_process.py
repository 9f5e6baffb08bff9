"""What a command says to a reader that goes away."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from benchmarks.command_line.process import UNREAD, run_command

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "words", ["run --help", "run --list", "compare results/quick --format csv", "compare results/cpu", "catalogue"]
)
def test_a_reader_that_goes_away_is_no_error(words: str) -> None:
    command = [sys.executable, "-m", *f"benchmarks.{words}".split()]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    assert process.wait() == UNREAD
    assert said == ""


def test_another_pipe_that_breaks_is_an_error() -> None:
    def broken(argv: Sequence[str]) -> int:
        raise BrokenPipeError("a worker's")

    with pytest.raises(BrokenPipeError, match="a worker's"):
        run_command(broken)


def test_a_process_group_ends_with_the_command(tmp_path: Path) -> None:
    def in_a_group(argv: Sequence[str]) -> int:
        torch.distributed.init_process_group("gloo", f"file://{tmp_path / 'store'}", rank=0, world_size=1)
        return 3

    with pytest.raises(SystemExit) as end:
        run_command(in_a_group)
    assert end.value.code == 3
    assert not torch.distributed.is_initialized()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_of_another_encoding_gets_ascii(encoding: str) -> None:
    command = [sys.executable, "-m", "benchmarks.compare", "results/quick", "--columns", "psnr", "--quantizer", "fsq"]
    variables = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, env=variables, check=False)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode(encoding)
    assert "PSNR ^" in shown
    assert "?" not in shown


def test_the_exit_code_is_the_commands() -> None:
    with pytest.raises(SystemExit) as end:
        run_command(lambda argv: 2)
    assert end.value.code == 2
