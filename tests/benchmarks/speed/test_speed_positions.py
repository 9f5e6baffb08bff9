"""What a position of sampling costs: measured in blocks, drawn, and refused where it cannot be."""

import re
from pathlib import Path

import pandas as pd
import pytest
import torch

from benchmarks.protocols.speed.sampling import make_gpt
from benchmarks.speed.positions import main, position_seconds


def test_every_block_has_a_time_with_the_cache_and_without() -> None:
    cached, naive = position_seconds(make_gpt(64, 1, torch.device("cpu"), side=4), 2, 4, 2, torch.device("cpu"))
    assert cached.shape == naive.shape == (4,)
    assert min(*cached, *naive) > 0


def test_the_command_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--width", "64", "--layers", "1", "--batch", "1", "--block", "64", "--repeats", "1"]
    assert main([*flags, "--output", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "sampling-positions-cpu.csv",
        "sampling-positions-cpu.png",
        "sampling-positions-cpu.svg",
    ]
    shown = re.search(r"([\d.e-]+) s with the cache, ([\d.e-]+) s without", capsys.readouterr().out)
    assert shown is not None
    table = pd.read_csv(tmp_path / "sampling-positions-cpu.csv")
    assert list(table["position"]) == [0, 64, 128, 192]
    sums = 64 * table[["with_cache", "without"]].sum()
    assert list(sums) == pytest.approx([float(shown[1]), float(shown[2])], rel=0.01)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--width", "100"], "--width takes multiples of 64"),
        (["--block", "7"], "--block takes divisors of the 256 positions"),
    ],
)
def test_bad_flags_are_one_sentence(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*flags, "--output", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
