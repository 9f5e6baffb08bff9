"""Tables: means over seeds, never a mix of what cannot be compared, and the command that prints them."""

import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from benchmarks import tables
from benchmarks.compare import Arguments, main
from benchmarks.results import Record, write_record


def test_seeds_become_a_mean_and_a_standard_deviation(make_record: Callable[..., Record]) -> None:
    records = [make_record(seed=seed, psnr=psnr) for seed, psnr in enumerate((18.0, 19.0, 20.0))]
    summary = tables.summarise(tables.to_frame(records))
    assert len(summary) == 1
    assert summary["seeds"][0] == 3
    assert summary["PSNR ↑"][0] == pytest.approx(19.0)
    assert summary["PSNR ↑ std"][0] == pytest.approx(1.0)
    assert tables.text_table(summary)["PSNR ↑"][0] == "19.00 ± 1.00"


def test_one_seed_shows_no_spread_and_an_unmeasured_column_is_left_out(make_record: Callable[..., Record]) -> None:
    text = tables.text_table(tables.summarise(tables.to_frame([make_record()])))
    assert text["PSNR ↑"][0] == "20.00"
    assert "rFID ↓" not in text


@pytest.mark.parametrize(
    "difference",
    [
        {"protocol": "reconstruction/2"},
        {"preset": "cpu"},
        {"settings": "another digest"},
        {"data": {"name": "kodak", "source": "kodak", "fingerprint": "g"}},
    ],
)
def test_what_cannot_be_compared_stands_in_tables_of_its_own(
    make_record: Callable[..., Record], difference: dict[str, object]
) -> None:
    summary = tables.summarise(tables.to_frame([make_record(), make_record("lfq", **difference)]))
    assert [len(part) for _, part in tables.groups(summary)] == [1, 1]


def test_baselines_first_then_by_psnr(make_record: Callable[..., Record]) -> None:
    rows = [("fsq", 18.7), ("none", 19.6), ("lfq", 18.2), ("block-mean", 17.8), ("vq", 18.9)]
    summary = tables.summarise(tables.to_frame([make_record(name, psnr=psnr) for name, psnr in rows]))
    assert list(summary["name"]) == ["block-mean", "none", "vq", "fsq", "lfq"]


def test_options_and_rates_make_rows_of_their_own(make_record: Callable[..., Record]) -> None:
    plain = make_record("vq")
    with_option = make_record("vq", quantizer=plain.quantizer.model_copy(update={"options": {"decay": 0.9}}))
    other_rate = make_record("vq", quantizer=plain.quantizer.model_copy(update={"bits_per_position": 12.0}))
    summary = tables.summarise(tables.to_frame([plain, with_option, other_rate]))
    assert len(summary) == 3


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
    assert "18.50 ± 0.71" in text
    assert text.index("none") < text.index("fsq")
    table = tmp_path / "table.csv"
    assert main(Arguments((tmp_path,), format="csv", output=table)) == 0
    frame = pd.read_csv(table)
    assert dict(zip(frame["name"], frame["PSNR ↑"], strict=True)) == {"none": 19.5, "fsq": 18.5}


def test_compare_filters_and_says_why_columns_are_empty(
    tmp_path: Path, make_record: Callable[..., Record], capsys: pytest.CaptureFixture[str]
) -> None:
    _stored(tmp_path, make_record)
    assert main(Arguments((tmp_path,), quantizer=("none",))) == 0
    shown = capsys.readouterr().out
    assert "none" in shown
    assert "fsq" not in shown
    assert "rfid is empty: its weights are not at hand" in shown


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


@pytest.mark.parametrize("width", [80, 120, 400])
def test_a_narrow_terminal_gets_several_tables_and_every_number(make_record: Callable[..., Record], width: int) -> None:
    summary = tables.summarise(tables.to_frame([make_record(), make_record("vq-ema", seed=1)]))
    console = Console(width=width, file=io.StringIO())
    tables.print_groups(summary, console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "…" not in shown
    assert max(map(len, shown.splitlines()[1:])) <= width  # the title may be longer
    text = tables.text_table(summary)
    assert all(heading in shown for heading in text.columns)
    assert all(value in shown for value in text.to_numpy().ravel())


def test_compare_puts_the_table_into_a_readme_again_and_again(
    tmp_path: Path, make_record: Callable[..., Record], capsys: pytest.CaptureFixture[str]
) -> None:
    _stored(tmp_path / "runs", make_record)
    readme = tmp_path / "README.md"
    readme.write_text("# Title\n<!-- table -->\nold\n<!-- end of table -->\nrest\n")
    for _ in range(2):
        assert main(Arguments((tmp_path / "runs",), readme=readme)) == 0
    text = readme.read_text()
    assert text.startswith("# Title\n<!-- table -->\n")
    assert text.endswith("<!-- end of table -->\nrest\n")
    assert text.count("18.50 ± 0.71") == 1
    assert "old" not in text
    readme.write_text("no markers")
    assert main(Arguments((tmp_path / "runs",), readme=readme)) == 2
    assert "no lines" in capsys.readouterr().err
