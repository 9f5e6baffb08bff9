"""The command: runs are stored once, shown with their true rate, drawn, and mistakes get a sentence."""

import re
from pathlib import Path

import pandas as pd
import pytest

import benchmarks.protocols.source_coding.codec as codec
from benchmarks.protocols.source_coding.run import RunConfig, run_id
from benchmarks.protocols.source_coding.vectors import open_source
from benchmarks.records.source_coding import PROTOCOL, SourceRun, read_run
from benchmarks.sources.__main__ import main
from benchmarks.sources.command import everyone
from benchmarks.tables import source_coding as tables

DOCUMENT = Path(__file__).parents[2] / "benchmarks" / "protocols" / "source-coding.md"
QUICK = ["--train.vectors", "2560", "--workers", "1", "--source", "gaussian"]


@pytest.fixture(autouse=True)
def _few_test_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "TEST_VECTORS", 2**13)


def _records(folder: Path) -> list[SourceRun]:
    return [read_run(path) for path in sorted(folder.rglob("*.json"))]


def test_runs_are_stored_once_and_say_their_true_rate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--quantizer", "fsq", "--bits", "4", "8", "--output", str(tmp_path), *QUICK, "--short"]
    assert main(words) == 0
    assert "[7.91 bits]" in capsys.readouterr().out  # 240 codes are no 8 bits
    records = {run.asked_bits: run for run in _records(tmp_path)}
    assert records[8].metrics["bound"] == pytest.approx(open_source("gaussian", 4).bound(records[8].metrics["bits"]))
    assert records[8].metrics["bits"] == pytest.approx(7.9069, abs=1e-4)
    assert records[4].protocol == PROTOCOL
    assert {path.name for path in tmp_path.glob("blocks*")} == {"blocks-of-4.png", "blocks-of-4.svg"}

    assert main(words) == 0
    assert "2 of 2 runs are done already" in capsys.readouterr().err
    assert [run.created for run in _records(tmp_path)] == [records[4].created, records[8].created]


def test_a_record_that_is_not_whole_is_done_again(tmp_path: Path) -> None:
    words = ["--quantizer", "fsq", "--bits", "4", "--output", str(tmp_path), *QUICK]
    assert main(words) == 0
    (path,) = tmp_path.rglob("*.json")
    before = read_run(path)
    path.write_text(path.read_text()[:100])
    assert main(words) == 0
    assert read_run(path).metrics == before.metrics  # and one seed gives one set of numbers


def test_seeds_spread_in_csv_and_readme(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--quantizer", "vq", "--bits", "2", "--seed", "0", "1", "--output", str(tmp_path), *QUICK]
    assert main([*words, "--format", "csv"]) == 0
    (tmp_path / "table.csv").write_text(capsys.readouterr().out)
    (row,) = pd.read_csv(tmp_path / "table.csv").to_dict("records")
    gaps = [run.metrics["gap"] for run in _records(tmp_path)]
    assert gaps[0] != gaps[1]
    assert row["seeds"] == 2
    assert row["gap"] == pytest.approx(sum(gaps) / 2)
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- source-coding -->\nold\n<!-- end of source-coding -->\nafter\n")
    for _ in range(2):
        assert main(["--report", "--output", str(tmp_path), "--readme", str(readme)]) == 0
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert text.count("| vq ") == 1


def test_another_training_source_or_option_is_another_run_and_another_table() -> None:
    gaussian = open_source("gaussian", 4)
    base = RunConfig("vq", 4, "gaussian", 4, 0)
    others = [
        RunConfig("vq", 4, "gaussian", 4, 0, {"beta": 1.0}),
        RunConfig("vq", 4, "gaussian", 4, 0, training=codec.Training(vectors=1000)),
        RunConfig("vq", 4, "gaussian", 4, 1),
    ]
    assert len({run_id(run, gaussian) for run in [base, *others]}) == 4


def test_scalar_references_stand_only_where_a_sample_has_a_whole_number_of_levels() -> None:
    gaps = tables.lloyd_max_gaps("gaussian", 4, [2, 4, 8, 12])
    assert gaps.keys() == {4, 8, 12}
    assert gaps[8] == pytest.approx(2.74, abs=0.01)  # 0.1175 over 1/16
    assert tables.lloyd_max_gaps("photographs", 4, [8]) == {}


def test_all_leaves_out_what_is_no_source_coder() -> None:
    names = everyone()
    assert "none" not in names
    assert {"fsq", "vq-ema", "lfq"} <= set(names)


def test_a_rate_that_cannot_be_had_is_named_and_the_others_are_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--quantizer", "fsq", "--bits", "4", "63", "--output", str(tmp_path), *QUICK]
    assert main(words) == 0
    assert "left out: fsq at 63 bits" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--quantizer", "fqs"], "fsq"),
        (["--quantizer", "none"], "no source code"),
        (["--quantizer", "fsq", "--bits", "0"], "bits"),
        (["--quantizer", "fsq", "--options", "decay=0.9"], "decay"),
        (["--report"], "no stored run"),
        (["--readme", "nowhere.md"], "cannot read --readme"),
    ],
)
def test_a_mistake_gets_a_sentence_cannot_run(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*QUICK, "--output", str(tmp_path / "runs"), *words]) == 2
    captured = capsys.readouterr().err
    assert captured.startswith("error: ")
    assert said in captured
    assert not list(tmp_path.rglob("*.json"))


def test_the_protocols_version_is_that_of_its_document() -> None:
    assert re.findall(r"^Version: `(.+)`$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE) == [PROTOCOL]
