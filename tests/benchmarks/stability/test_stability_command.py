"""`python -m benchmarks.stability`: a real run measured and stored once, its table, and mistakes in a sentence."""

from pathlib import Path

import pytest
from picture_runs import picture_run

from benchmarks.data.machine import torch_threads
from benchmarks.protocols.stability.changes import REPLACED, SEEN, WAYS
from benchmarks.records.record import iterate_records
from benchmarks.records.stability import read_stabilities
from benchmarks.stability.__main__ import main
from benchmarks.tables.stability import tables


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of fsq, hardly trained, beside the baseline's."""
    return picture_run(tmp_path_factory.mktemp("home"), "fsq")


def ask(*words: object) -> int:
    with torch_threads(1):
        return main([*map(str, words)])


@pytest.mark.slow
def test_a_stored_run(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(run, "--output", tmp_path) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Per cent of codes that change" in shown
    ((stored,), problems) = read_stabilities(tmp_path)
    assert problems == []
    assert stored.missing == {}
    assert [change.name for change in stored.changes] == [*WAYS, *SEEN]
    found = {change.name: change for change in stored.changes}
    assert found["invariant, batch of 7"].changed == 0
    assert found["ONNX"].changed < 0.05 > found["torch.compile"].changed
    assert found["shift by one pixel"].changed > 0
    assert [of.share for of in stored.replaced] == list(REPLACED)
    assert stored.data["test"]["pictures"] == 4
    (table,) = tables([stored])
    cells = table.cells.map(lambda cell: cell.text)
    assert cells["quantizer"].tolist() == ["fsq"]
    lost = f"{found['JPEG 90'].psnr_lost:.2f}".replace("-0.00", "0.00").replace("-", "−")
    assert cells["JPEG 90"].tolist() == [f"{100 * found['JPEG 90'].changed:.3g} ({lost})"]

    (path,) = tmp_path.rglob("*.json")
    written = path.read_bytes()
    assert ask(run, "--output", tmp_path) == 0
    assert "measured already" in " ".join(capsys.readouterr().out.split())
    assert path.read_bytes() == written
    readme = tmp_path / "README.md"
    readme.write_text("<!-- stability -->\n<!-- end of stability -->\n")
    assert ask("--report", "--output", tmp_path, "--readme", readme) == 0
    assert "| fsq " in readme.read_text()
    assert list(iterate_records([tmp_path], problems)) == []
    assert problems == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "what is to be measured? Give stored runs"),
        (["{run}", "--report"], "one of them"),
        (["--report"], "no measurement in"),
        (["{run}", "--checkpoint", "x"], "--checkpoint is the file of a published tokenizer"),
        (["{run}", "--image-size", "64"], "--image-size is for --model"),
        (["nowhere.json"], "nowhere.json does not exist"),
        (["{run}", "--data", "nowhere"], "there is no folder nowhere"),
        (["--model", "other"], "there is no published tokenizer 'other'"),
    ],
)
def test_mistakes_are_sentences_bad_flags(
    words: list[str], message: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(*(word.format(run=run) for word in words), "--output", tmp_path / "out") == 2
    said = " ".join(capsys.readouterr().err.split())
    assert message in said
    assert "Traceback" not in said
