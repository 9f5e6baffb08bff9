"""`python -m benchmarks.compare --codebooks`: how much each code of a position is used."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.compare import Arguments, main
from benchmarks.records.record import Record, write_record

COUNTS = np.array([[2, 0, 0, 0], [1, 1, 1, 1]])


@pytest.fixture
def runs(tmp_path: Path, make_record: Callable[..., Record]) -> Path:
    for seed, other in enumerate((COUNTS, COUNTS[[0, 0]])):
        record = make_record("multi-scale", seed)
        write_record(tmp_path / f"multi-scale{seed}.json", record, {"code_counts": other})
    write_record(tmp_path / "fsq.json", make_record(), {"code_counts": COUNTS[:1]})
    three = {"codebooks/usage": np.full(3, 0.5), "codebooks/perplexity": np.arange(1.0, 4.0)}
    write_record(tmp_path / "rq.json", make_record("rq"), three)
    return tmp_path


def test_a_row_for_each_measure_and_a_column_for_each_code(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(Arguments((runs,), codebooks=True, format="markdown")) == 0
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in capsys.readouterr().out.splitlines()]
    table = {(row[0].split(",")[0], row[1]): row[2:] for row in lines if len(row) > 3}
    assert table["quantizer", "of each code"] == ["1", "2", "3"]
    assert table["multi-scale", "usage %"] == ["25.0", "62.5", "–"]
    assert table["multi-scale", "possible %"] == ["50.0", "75.0", "–"]
    assert table["multi-scale", "perplexity"] == ["1.0", "2.5", "–"]
    assert table["rq", "usage %"] == ["50.0", "50.0", "50.0"]
    assert table["rq", "possible %"] == ["–", "–", "–"]
    assert "fsq" not in {name for name, _ in table}


def test_all_numbers_as_csv_and_what_they_are_on_a_terminal(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(Arguments((runs,), codebooks=True, format="csv", output=runs / "use.csv")) == 0
    frame = pd.read_csv(runs / "use.csv").set_index(["name", "code"])
    assert frame["usage"]["multi-scale", 2] == pytest.approx(0.625)
    assert frame["perplexity"]["rq", 3] == 3
    assert main(Arguments((runs,), codebooks=True)) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Possible: the most that could be seen of usage" in shown
    assert "95 % interval" not in shown


def test_what_has_none_and_what_is_damaged_is_said(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (runs / "rq.npz").write_bytes(b"no zip")
    assert main(Arguments((runs,), codebooks=True)) == 1
    assert "rq.npz: not a readable file" in " ".join(capsys.readouterr().err.split())
    for file in (*runs.glob("multi*"), *runs.glob("rq*")):
        file.unlink()
    assert main(Arguments((runs,), codebooks=True)) == 2
    assert "--codebooks: of no run here" in " ".join(capsys.readouterr().err.split())
