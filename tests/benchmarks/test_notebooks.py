"""The notebooks run from top to bottom on the stored results, and are stored light, whole and without failures."""

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest

from benchmarks.notebooks import execute, main

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "results" / "notebooks").glob("*.ipynb"))
MOST_BYTES = 300_000


def _code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _write(path: Path, *cells: str) -> Path:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(ROOT / "results", results, ignore=shutil.ignore_patterns("*.safetensors", "*.png", "*.svg"))
    copy = results / "notebooks" / path.name
    before = {file: file.stat().st_mtime_ns for file in results.rglob("*")}
    text = execute(copy)  # raises where a cell fails
    notebook = nbformat.reads(text, as_version=4)
    assert [cell.execution_count for cell in _code(notebook)] == list(range(1, len(_code(notebook)) + 1))
    assert len(text) < MOST_BYTES
    assert {file: file.stat().st_mtime_ns for file in results.rglob("*")} == before  # it only reads


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_stored_notebook_is_light_and_shows_what_it_ran(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert len(text) < MOST_BYTES
    assert [cell.execution_count for cell in _code(notebook)] == list(range(1, len(_code(notebook)) + 1))
    outputs = [output for cell in _code(notebook) for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    pictures = [output for output in outputs if {"image/png", "image/jpeg"} & output.get("data", {}).keys()]
    assert len(pictures) >= 2
    shown = json.dumps([output.get("text", output.get("data", {}).get("text/plain")) for output in outputs])
    assert not re.search(r"(?<![.\w])/(home|root|tmp|work|usr|Users)/", shown)  # no path of one machine


def test_all_three_notebooks_are_there() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["comparison", "one_run", "your_own_quantizer"]


def test_the_command_stores_what_a_notebook_shows_in_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "beside.txt").write_text("found")
    path = _write(tmp_path / "good.ipynb", "from pathlib import Path", "Path('beside.txt').read_text()")
    assert main([str(path)]) == 0
    stored = nbformat.read(path, as_version=4)
    assert stored.cells[1].outputs[0].data["text/plain"] == "'found'"


def test_a_notebook_that_fails_stays_as_it_is_and_leaves_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = _write(tmp_path / "bad.ipynb", "1 / 0")
    good = _write(tmp_path / "good.ipynb", "1 + 1")
    before = bad.read_bytes()
    assert main([str(bad), str(good)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert bad.read_bytes() == before
    assert nbformat.read(good, as_version=4).cells[0].outputs[0].data["text/plain"] == "2"


def test_what_is_no_notebook_gets_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "no.ipynb").write_text("no notebook")
    for name in ("no.ipynb", "missing.ipynb"):
        assert main([str(tmp_path / name)]) == 2
        assert capsys.readouterr().err.startswith("error: ")
