"""`python -m benchmarks.compare`: what it reads, chooses and writes."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from benchmarks import compare
from benchmarks.compare import Arguments, main
from benchmarks.records.record import Record, write_record
from benchmarks.tables.selection import Selection


def _stored(folder: Path, make_record: Callable[..., Record]) -> None:
    for seed in range(2):
        write_record(folder / f"fsq{seed}.json", make_record(seed=seed, psnr=18.0 + seed), {})
    write_record(folder / "none.json", make_record("none", psnr=19.5), {})


def test_compare_writes_markdown_and_csv(
    tmp_path: Path, make_record: Callable[..., Record], capsys: pytest.CaptureFixture[str]
) -> None:
    _stored(tmp_path, make_record)
    assert main(Arguments((tmp_path,), format="markdown")) == 0
    text = capsys.readouterr().out
    assert "18.50" in text
    assert text.index("none") < text.index("fsq")
    table = tmp_path / "table.csv"
    assert main(Arguments((tmp_path,), format="csv", output=table)) == 0
    frame = pd.read_csv(table)
    assert dict(zip(frame["name"], frame["PSNR ↑"], strict=True)) == {"none": 19.5, "fsq": 18.5}


def test_compare_filters_and_says_why_columns_are_empty(
    tmp_path: Path, make_record: Callable[..., Record], capsys: pytest.CaptureFixture[str]
) -> None:
    _stored(tmp_path, make_record)
    assert main(Arguments((tmp_path,), only=Selection(quantizer=("none",)))) == 0
    shown = capsys.readouterr().out
    assert "none" in shown
    assert "fsq" not in shown
    assert "rfid is empty: its weights are not at hand" in shown


def test_a_bare_command_shows_the_users_own_runs(
    tmp_path: Path,
    make_record: Callable[..., Record],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    _stored(tmp_path / "results", make_record)
    assert main(Arguments()) == 2
    assert "no run is stored yet" in capsys.readouterr().err
    write_record(tmp_path / "elsewhere/lfq.json", make_record("lfq"), {})
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/mounted").symlink_to(tmp_path / "elsewhere")  # on a larger disk, say
    (tmp_path / "elsewhere/back").symlink_to(tmp_path / "runs")
    assert main(Arguments()) == 0
    shown = capsys.readouterr().out
    assert "lfq" in shown
    assert "fsq" not in shown


def test_what_is_said_below_a_table_is_of_its_columns_and_names_the_rows(
    tmp_path: Path, make_record: Callable[..., Record], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("fsq", "lfq"):
        write_record(tmp_path / f"{name}.json", make_record(name, notes={"usage": "few positions"}), {})
    write_record(tmp_path / "none.json", make_record("none", missing={"usage": "there is no codebook"}), {})
    assert main(Arguments((tmp_path,), columns=("psnr", "usage"))) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "usage of none is empty: there is no codebook" in lines
    assert "usage of fsq, lfq: few positions" in lines
    assert any(line.startswith("Baselines. none: ") for line in lines)
    assert not any("rfid" in line for line in lines)
    assert main(Arguments((tmp_path,), columns=("psnr",))) == 0
    assert "usage" not in capsys.readouterr().out


def test_compare_names_broken_files_and_its_exit_code_says_so(
    tmp_path: Path, make_record: Callable[..., Record], capsys: pytest.CaptureFixture[str]
) -> None:
    _stored(tmp_path, make_record)
    (tmp_path / "broken.json").write_text("{")
    assert main(Arguments((tmp_path,))) == 1
    captured = capsys.readouterr()
    assert "broken.json" in captured.err
    assert "fsq" in captured.out


def test_compare_without_runs_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(Arguments((tmp_path,))) == 2
    assert "python -m benchmarks.run" in capsys.readouterr().err
    assert main(Arguments((tmp_path / "nowhere",))) == 2
    assert "does not exist" in capsys.readouterr().err


def test_compare_puts_the_table_into_a_readme_again_and_again(
    tmp_path: Path, make_record: Callable[..., Record], capsys: pytest.CaptureFixture[str]
) -> None:
    _stored(tmp_path / "runs", make_record)
    readme = tmp_path / "README.md"
    readme.write_text("# Title\n<!-- table -->\nyesterday\n<!-- end of table -->\nrest\n")
    for _ in range(2):
        assert main(Arguments((tmp_path / "runs",), readme=readme)) == 0
    text = readme.read_text()
    assert text.startswith("# Title\n<!-- table -->\n")
    assert text.endswith("<!-- end of table -->\nrest\n")
    assert text.count("18.50") == 1
    assert "yesterday" not in text
    readme.write_text("no markers")
    assert main(Arguments((tmp_path / "runs",), readme=readme)) == 2
    assert "no lines" in capsys.readouterr().err


def test_compare_chooses_sorts_and_filters(
    tmp_path: Path, make_record: Callable[..., Record], capsys: pytest.CaptureFixture[str]
) -> None:
    _stored(tmp_path, make_record)
    for bits, swd in ((8, 5.0), (10, 3.0)):
        record = make_record("vq", id=str(bits), config={"bits": bits}, metrics={"psnr": 1.0, "swd": swd})
        write_record(tmp_path / f"vq{bits}.json", record, {})
    arguments = Arguments((tmp_path,), format="csv", columns=("swd", "psnr"), sort="swd")
    assert main(arguments) == 0
    frame = pd.read_csv(io.StringIO(capsys.readouterr().out))
    assert list(frame["rate"])[:2] == [10, 8]
    assert list(frame.columns)[6:] == [
        f"{name}{kind}" for name in ("SWD ↓", "PSNR ↑") for kind in ("", " std", " ±", " best")
    ]
    assert main(replace(arguments, only=Selection(bits=(8,)))) == 0
    assert set(pd.read_csv(io.StringIO(capsys.readouterr().out))["name"]) == {"none", "vq"}
    assert main(replace(arguments, sort="beauty")) == 2
    assert "no column 'beauty': there are bits, psnr" in capsys.readouterr().err


def test_compare_reads_the_arrays_and_writes_the_matrix(
    tmp_path: Path, make_record: Callable[..., Record], capsys: pytest.CaptureFixture[str]
) -> None:
    generator = np.random.default_rng(0)
    pictures = generator.standard_normal(40)
    for name, quality in (("fsq", 20.0), ("vq", 22.0)):
        for seed in range(3):
            values = quality + pictures + 0.1 * generator.standard_normal(40)
            record = make_record(name, seed=seed, psnr=values.mean())
            write_record(
                tmp_path / f"{name}{seed}.json", record, {"image/psnr": values, "resampled/usage": np.ones(100)}
            )
    assert main(Arguments((tmp_path,), format="markdown", columns=("psnr", "usage"))) == 0
    table = capsys.readouterr().out
    assert "| **21.9" in table
    assert "| 50.0 ± 0.0 |" in table.replace("**", "")
    assert main(Arguments((tmp_path,), format="markdown", matrix="psnr")) == 0
    matrix = capsys.readouterr().out
    assert "**+2." in matrix or "**+1.9" in matrix
    assert "10 bits" in matrix


def test_rows_of_several_rates_can_be_told_apart(
    tmp_path: Path, make_record: Callable[..., Record], capsys: pytest.CaptureFixture[str]
) -> None:
    for bits in (10, 12):
        record = make_record("vq", id=str(bits), config={"bits": bits})
        write_record(tmp_path / f"{bits}.json", record, {})
    assert main(Arguments((tmp_path,), format="markdown", columns=("psnr",))) == 0
    assert "bits |" in capsys.readouterr().out
    assert main(Arguments((tmp_path,), format="markdown", columns=("psnr",), only=Selection(bits=(10,)))) == 0
    assert "bits |" not in capsys.readouterr().out


def test_a_file_may_have_several_tables(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    write_record(tmp_path / "vq.json", make_record("vq"), {})
    readme = tmp_path / "README.md"
    readme.write_text("<!-- table -->\none\n<!-- end of table -->\n<!-- two -->\ntwo\n<!-- end of two -->\n")
    assert main(Arguments((tmp_path,), readme=readme, section="two")) == 0
    first, second = readme.read_text().split("<!-- two -->")
    assert "one" in first
    assert "| vq " in second


@pytest.mark.parametrize("format", ["latex", "html"])
def test_compare_writes_for_papers_and_pages(
    tmp_path: Path, make_record: Callable[..., Record], capsys: pytest.CaptureFixture[str], format: str
) -> None:
    record = make_record("vq")
    options = record.quantizer.model_copy(update={"options": {"a_b": "50% & <i>"}})
    write_record(tmp_path / "vq.json", record.model_copy(update={"quantizer": options}), {})
    assert main(Arguments((tmp_path,), format=format)) == 0  # type: ignore[arg-type]
    text = capsys.readouterr().out
    if format == "latex":
        assert r"a\_b=50\% \& <i>" in text
        assert r"PSNR $\uparrow$" in text
        assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    else:
        table = ElementTree.fromstring(text)
        assert table.find("tbody/tr/td").text == "vq a_b=50% & <i>"  # type: ignore[union-attr]
        assert len(table.findall("thead/tr/th")) == len(table.findall("tbody/tr/td"))


def test_records_of_other_harnesses_are_passed_over(
    tmp_path: Path, make_record: Callable[..., Record], capsys: pytest.CaptureFixture[str]
) -> None:
    _stored(tmp_path, make_record)
    for protocol in ("source-coding/1", "speed/2"):
        (tmp_path / f"{protocol[:5]}.json").write_text(json.dumps({"schema_version": 1, "protocol": protocol}))
    assert main(Arguments((tmp_path,))) == 0
    assert "left out" not in capsys.readouterr().err


def test_damaged_arrays_are_named_and_their_row_has_no_interval(
    tmp_path: Path, make_record: Callable[..., Record], capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(3):
        write_record(tmp_path / f"fsq{seed}.json", make_record(seed=seed), {"image/psnr": np.full(9, 20.0)})
    assert main(Arguments((tmp_path,), format="markdown", columns=("psnr",))) == 0
    assert "20.00 ± 0.00" in capsys.readouterr().out
    whole = (tmp_path / "fsq1.npz").read_bytes()
    (tmp_path / "fsq1.npz").write_bytes(whole[: len(whole) // 2])
    assert main(Arguments((tmp_path,), format="markdown", columns=("psnr",))) == 1
    shown = capsys.readouterr()
    assert " 20.00 |" in shown.out
    assert "±" not in shown.out
    assert shown.err.count("fsq1.npz: not a readable file") == 1


def test_a_matrix_needs_a_column_by_which_rows_are_better(
    tmp_path: Path, make_record: Callable[..., Record], capsys: pytest.CaptureFixture[str]
) -> None:
    _stored(tmp_path, make_record)
    assert main(Arguments((tmp_path,), matrix="bits")) == 2
    assert "there are psnr, ssim" in capsys.readouterr().err


def test_a_matrix_of_very_many_runs_is_refused(
    tmp_path: Path,
    make_record: Callable[..., Record],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _stored(tmp_path, make_record)
    monkeypatch.setattr(compare, "MOST_RESAMPLED", 2)
    assert main(Arguments((tmp_path,), matrix="psnr")) == 2
    assert "filter them to at most 2" in capsys.readouterr().err
