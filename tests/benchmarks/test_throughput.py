"""Methods timed together: measured on real runs, put into the table in place of what each run said of itself."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import compare, run
from benchmarks.records.files import write_model
from benchmarks.records.record import Record, write_record
from benchmarks.records.throughput import PROTOCOL, SPEEDS, Throughput, path_for, read_throughputs
from benchmarks.tables import summaries
from benchmarks.tables.measured_later import with_throughputs
from benchmarks.throughput import command
from benchmarks.throughput.__main__ import main


def test_medians_of_the_rounds_replace_what_the_runs_said(
    make_record: Callable[..., Record], throughput: Throughput
) -> None:
    records = [make_record(seed=0), make_record(seed=1), make_record("lfq"), make_record(settings="other")]
    frame = with_throughputs(summaries.to_frame(records), [throughput])
    assert list(frame["train img/s"][:2]) == [7, 7]
    assert frame["encode img/s"][:2].isna().all()  # not measured
    assert np.isnan(frame["train img/s"][2])  # not timed with the others
    assert frame["train img/s"][3] == 160  # another table


def test_what_is_no_throughput_file_is_named(tmp_path: Path, throughput: Throughput) -> None:
    write_model(path_for(tmp_path, "abc"), throughput)
    write_model(path_for(tmp_path, "future"), throughput.model_copy(update={"protocol": "throughput/2"}))
    (tmp_path / "throughput-broken.json").write_text("{")
    problems: list[str] = []
    assert read_throughputs([tmp_path], problems) == [throughput]
    assert len(problems) == 2
    assert "throughput-broken.json: not a readable JSON file" in problems[0]
    assert "throughput/2" in problems[1]


@pytest.mark.slow
def test_real_methods_are_timed_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, little in (("ROUNDS", 2), ("WARM_UP", 1), ("STEPS", 2)):
        monkeypatch.setattr(command, name, little)
    folder = tmp_path / "runs"
    assert run.main(["--preset", "smoke", "--train.images", "32", "--cpu", "--output", str(folder)]) == 0
    assert main([str(folder), "--threads", "1", "--cpu"]) == 0
    (stored,) = read_throughputs([folder], [])
    rows = {row.quantizer: row for row in stored.rows}
    assert set(rows) == {"block-mean", "pca", "kmeans", "fsq"}
    assert all(len(row.rounds) == 2 for row in stored.rows)
    assert all(rows["fsq"].median(name) > 0 for name in SPEEDS[:4])
    assert np.isnan(rows["block-mean"].median("train"))
    assert stored.environment.threads == 1
    capsys.readouterr()
    assert compare.main(compare.Arguments((folder,), columns=("train",))) == 0
    shown = capsys.readouterr().out
    assert f"{rows['fsq'].median('train'):.0f}" in shown
    assert "taking turns" in shown


def test_mistakes_are_sentences(
    tmp_path: Path, make_record: Callable[..., Record], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2
    assert "python -m benchmarks.run" in capsys.readouterr().err
    write_record(tmp_path / "old.json", make_record(), {})
    assert main([str(tmp_path)]) == 2
    assert "configuration" in capsys.readouterr().err


def test_the_written_protocol_is_this_version() -> None:
    document = Path(compare.__file__).parent / "protocols" / "throughput.md"
    assert re.findall(r"^Version: `(.+)`$", document.read_text(encoding="utf-8"), re.MULTILINE) == [PROTOCOL]
