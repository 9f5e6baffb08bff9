"""`benchmarks.evaluate --explain` and `benchmarks.explain` on a real run: what is shown and stored, and mistakes."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from benchmarks import run
from benchmarks.data.machine import torch_threads
from benchmarks.evaluate.__main__ import main as evaluate
from benchmarks.explain import main
from benchmarks.protocols.variants import variants
from benchmarks.records.files import RecordError, write_model
from benchmarks.records.record import iterate_records
from benchmarks.records.variants import PROTOCOL, read_explanation
from benchmarks.tables.variants import LEGEND, LEGEND_ACROSS, tables


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """runs/: a run of fsq; photographs/: real ones, not square."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "photographs").mkdir()
    for name, picture in (("a", data.astronaut()), ("b", data.cat()), ("c", data.coffee()), ("d", data.rocket())):
        Image.fromarray(picture[:200, :261]).save(folder / "photographs" / f"{name}.png")
    words = ["--preset", "smoke", "--cpu", "--train.images", "32", "--output", str(folder / "runs")]
    with torch_threads(1):
        assert run.main(["--quantizer", "fsq", *words]) == 0
    return folder


def the(folder: Path, pattern: str) -> Path:
    (path,) = folder.rglob(pattern)
    return path


def ask(*words: object) -> int:
    with torch_threads(1):
        return evaluate([*map(str, words), "--explain", "--cpu"])


@pytest.mark.slow
def test_all_variants_of_a_stored_run(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = the(home / "runs", "fsq-*.json")
    pictures = ["--data", home / "photographs", "--output", tmp_path]
    assert ask(stored, *pictures) == 0
    shown = capsys.readouterr().out
    assert "one choice changed" in shown
    assert "papers' whole settings" in shown
    path = the(tmp_path, "variants-*.json")
    explanation = read_explanation(path)
    assert [row.name for row in explanation.rows] == list(variants.VARIANTS)
    assert explanation.command.endswith(" --explain --cpu")
    ((_, measured),) = iterate_records([tmp_path], problems := [])
    assert problems == []
    assert explanation.evaluation == measured.id
    for metric in ("psnr", "ssim", "swd"):
        assert explanation.default.metrics[metric] == pytest.approx(measured.metrics[metric], rel=1e-6)
    assert explanation.data["fingerprint"] == measured.data["fingerprint"]

    written = path.read_bytes()
    assert ask(stored, *pictures, "--protocol", "vqgan") == 0
    assert path.read_bytes() == written, "measured again, though the variant is stored"

    readme = tmp_path / "README.md"
    readme.write_text("<!-- explain -->\n<!-- end of explain -->\n")
    assert main([str(tmp_path), "--readme", str(readme)]) == 0
    assert "| reconstruction/1 " in readme.read_text()
    capsys.readouterr()
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out in shown


def test_the_tables_cells(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = the(home / "runs", "fsq-*.json")
    names = ["psnr-of-mean", "adm-crop/1", "vqgan", "clean-fid"]
    assert ask(stored, "--data", home / "photographs", "--output", tmp_path, "--protocol", *names, "--limit", 3) == 0
    shown = capsys.readouterr().out
    assert LEGEND.split(".")[0] in " ".join(shown.split())
    assert "rfid is empty" in shown
    assert "taming/data/base.py" in shown
    explanation = read_explanation(the(tmp_path, "variants-*.json"))
    assert explanation.data["test"]["pictures"] == 3
    singles, papers = tables(explanation)
    assert "fsq 10 bits, smoke, trained on photographs · photographs, 3 pictures" in singles.title
    cells = singles.cells.map(lambda cell: cell.text).set_index("variant")
    assert list(cells.index) == ["reconstruction/1", "psnr-of-mean/1", "adm-crop/1"]  # clean-fid: no rFID here
    assert cells.loc["psnr-of-mean/1", "SSIM ↑"] == "="
    default, mean = (explanation.rows[i].metrics["psnr"] for i in (0, 1))
    assert mean <= default
    assert cells.loc["psnr-of-mean/1", "PSNR ↑"] == f"{mean:.3f} (−{default - mean:.3f})"
    assert cells.loc["reconstruction/1", "PSNR ↑"] == f"{default:.3f}"
    assert list(papers.cells["variant"].map(lambda cell: cell.text)) == ["reconstruction/1", "vqgan/1"]


def test_across_tokenizers(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = the(home / "runs", "fsq-*.json")
    names = ["psnr-of-mean", "adm-crop"]
    assert ask(stored, "--data", home / "photographs", "--output", tmp_path, "--protocol", *names, "--limit", 2) == 0
    first = read_explanation(the(tmp_path, "variants-*.json"))

    def other(name: str, data: dict[str, object], **moved: float) -> None:
        rows = [
            row.model_copy(update={"metrics": row.metrics | {"psnr": (row.metrics["psnr"] or 0) + moved[row.name[:4]]}})
            for row in first.rows
            if row.name[:4] in moved
        ]
        copy = first.model_copy(update={"rows": rows, "data": first.data | data})
        write_model(tmp_path / "z" / f"variants-{name}.json", copy)  # read after the first

    other("same", {}, reco=2.0, psnr=2.25)  # adm-crop, which it lacks, is left out
    other("elsewhere", {"fingerprint": "another", "name": "b"}, reco=0.0, psnr=0.0)
    readme = tmp_path / "README.md"
    readme.write_text("<!-- moved -->\n<!-- end of moved -->\n")
    words = ["--across-tokenizers", "--readme", str(readme), "--section", "moved"]
    assert main([str(tmp_path), *words]) == 0
    text = " ".join(readme.read_text().split())
    assert text.count("one choice changed") == 2
    assert "**2 tokenizers · photographs, 2 pictures · reconstruction/1 · one choice changed**" in text
    assert "**1 tokenizer · b, 2 pictures" in text
    assert "adm-crop" not in text
    assert LEGEND_ACROSS in text
    lowest, mean = (row.metrics["psnr"] for row in first.rows if row.name in ("reconstruction/1", "psnr-of-mean/1"))
    assert f"| {lowest:.3f} to {lowest + 2:.3f} |" in text
    moved = [f"{mean - lowest + more:+.3f}".replace("-", "−") for more in (0.125, 0, 0.25)]
    assert f"| {moved[0]} ({moved[1]} to {moved[2]}) |" in text


def test_mistakes_are_sentences(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = the(home / "runs", "fsq-*.json")
    other = ["--data", home / "photographs", "--output", tmp_path / "out"]

    def refused(message: str, *words: object) -> None:
        capsys.readouterr()
        assert ask(*words) == 2
        error = " ".join(capsys.readouterr().err.split())
        assert "error: " in error
        assert message in error
        assert "Traceback" not in error

    refused("it was trained on photographs", stored, "--data", "photographs")
    refused("are there already were cropped once", "--reference", tmp_path, "--reconstruction", tmp_path)
    refused("there is no variant taming", stored, *other, "--protocol", "taming")
    refused("no pictures in", stored, "--data", tmp_path, "--output", tmp_path / "out")
    refused("no stored run", home / "photographs", *other)
    small = tmp_path / "small"
    small.mkdir()
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(small / "a.png")
    refused("short side is under 32", stored, "--data", small, "--output", tmp_path / "out")
    alone = Path(shutil.copy(stored, tmp_path))
    refused("make it again", alone, *other)
    assert evaluate([str(stored), *map(str, other), "--protocol", "vqgan", "--cpu"]) == 2
    assert "give both" in " ".join(capsys.readouterr().err.split())
    assert main([str(home)]) == 2
    assert "no explanation in" in " ".join(capsys.readouterr().err.split())
    with pytest.raises(RecordError, match="not a file of variants"):
        read_explanation(stored)
    with pytest.raises(RecordError, match="not a readable JSON file"):
        read_explanation(tmp_path / "nothing.json")


def test_the_document_has_the_version_and_every_variant() -> None:
    document = Path(variants.__file__).parents[1].joinpath("variants.md").read_text(encoding="utf-8")
    assert re.findall(r"^Version: `(.+)`$", document, re.MULTILINE) == [PROTOCOL]
    rows = re.findall(r"^\| `(.+?)` \|", document, re.MULTILINE)
    assert rows == [name for name in variants.VARIANTS if variants.VARIANTS[name].changes()]
