"""`python -m benchmarks.report`: the same file each time, bad files named, a user's mistakes in one sentence."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from benchmarks.records.record import SCHEMA
from benchmarks.report import __main__ as command
from benchmarks.report.__main__ import main


@pytest.fixture
def one_plot(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plots are tested where they are made."""

    def figures(stored: Any, *later: object) -> Iterator[tuple[str, str, Figure]]:
        yield "stem", f"a plot of {len(stored)} runs", Figure(figsize=(1, 1))

    monkeypatch.setattr(command, "figures", figures)


def test_the_whole_report_is_made_alike_each_time(tmp_path: Path, runs: Path) -> None:
    first, second = tmp_path / "first.html", tmp_path / "deep" / "second.html"
    for path in (first, second):
        assert main([str(runs), "--output", str(path)]) == 0
    assert first.read_bytes() == second.read_bytes()
    text = first.read_text()
    assert re.findall("https?://", re.sub('data:[^"]*', "", text)) == []
    for expected in ("18.50 ± ", "--quantizer fsq --seed 1", "Wang et al. 2004", "data:image/svg+xml;base64,"):
        assert expected in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "first.html", "runs"]


@pytest.mark.usefixtures("one_plot")
def test_files_that_are_no_runs_are_named_and_left_out(
    tmp_path: Path, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = json.loads((runs / "fsq-10bit-seed0-0123456789.json").read_text())
    (runs / "broken.json").write_text("{")
    (runs / "partial.json").write_text(json.dumps({"schema_version": SCHEMA, "id": "x"}))
    (runs / "foreign.json").write_text("[1, 2]")
    (runs / "future.json").write_text(json.dumps({**good, "schema_version": SCHEMA + 1}))
    (runs / "torn.json").write_text(json.dumps(good))
    (runs / "torn.npz").write_bytes(b"PK\x03\x04 torn")
    output = tmp_path / "report.html"
    assert main([str(runs), "--output", str(output)]) == 1
    said = capsys.readouterr().err
    for name in ("broken", "partial", "foreign", "future", "torn"):
        assert len(re.findall(f"left out: .*{name}", said)) == 1
    text = output.read_text()
    assert "5 files that are no valid runs" not in text  # their grammar
    assert "5 files that are no valid run" in text
    assert "a plot of 7 runs" in text


@pytest.mark.usefixtures("one_plot")
def test_a_mistake_is_one_sentence_and_exit_code_2(
    tmp_path: Path, runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path / "empty")
    for words, said in [
        ([str(tmp_path / "nowhere")], "does not exist"),
        ([str(tmp_path / "empty")], "python -m benchmarks.run"),
        ([], "python -m benchmarks.run"),
        ([str(runs), "--output", str(tmp_path / "empty")], "cannot write"),
        ([str(runs), "--output", str(tmp_path / "file" / "report.html")], "cannot write"),
    ]:
        assert main(words) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert said in error
        assert error.count("\n") == 1
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.usefixtures("one_plot")
def test_a_report_that_cannot_be_finished_leaves_the_old_one(
    tmp_path: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "report.html"
    output.write_text("old")

    def stopped(*_: object) -> Callable[..., str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "page", stopped)
    assert main([str(runs), "--output", str(output)]) == 130
    assert output.read_text() == "old"
