"""Numbers of priors in tables and pictures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import compare, plot
from benchmarks.command_line.flags import parse_flags
from benchmarks.plots import figures
from benchmarks.records.arrays import write_arrays
from benchmarks.records.files import write_model
from benchmarks.records.generation import PROTOCOL, SCHEMA, PriorRecord, SamplingRecord
from benchmarks.records.priors import chosen, read_generations
from benchmarks.records.record import Record, write_record
from benchmarks.report.__main__ import main as report
from benchmarks.tables.columns import BY_NAME


@pytest.fixture
def make(make_record: Callable[..., Record], tmp_path: Path) -> Callable[..., Path]:
    """A run, a prior on it and a sampling of that, stored; keywords replace the prior's fields, `drawn` those of the
    sampling. Returns the prior's path."""

    def store(
        name: str = "fsq", seed: int = 0, bits: float = 120.0, drawn: dict[str, object] | None = None, **fields: object
    ) -> Path:
        record = make_record(
            name, seed, 20 + len(name) / 10, data={"name": "x", "source": "x", "fingerprint": "f", "image_size": 32}
        )
        write_record(tmp_path / f"{record.id}.json", record, {"image/psnr": np.array([19.0, 21.0])})
        shared = {
            "schema_version": SCHEMA,
            "protocol": PROTOCOL,
            "run": record.id,
            "settings": "s1",
            "changes": {},
            "config": {},
            "seed": seed,
            "environment": record.environment,
            "command": "",
            "created": record.created,
            "wall_seconds": 1.0,
        }
        settings = {"settings": "s1", **fields}["settings"]
        trained = {
            "id": f"prior-{record.id}-{settings}",
            "tokenizer": name,
            "preset": "quick",
            "prior": "gpt",
            "exact": True,
            "layout": {},
            "classes": 0,
            "class_names": [],
            "data": {},
            "metrics": {"nll_bits": bits, "nll_bpp": bits / 1024, "nll_gap": 3.0},
            "parameters": 2_000_000,
            "training": record.training,
        }
        prior = PriorRecord(**{**shared, **trained, **fields})
        path = tmp_path / f"{prior.id}.json"
        write_model(path, prior)
        write_arrays(path, {"image/nll_bits": np.array([bits - 2, bits + 2])})
        own = {
            "id": f"samples-{record.id}-{settings}-{(drawn or {}).get('settings', 'd1')}",
            "prior": prior.id,
            "settings": "d1",
            "metrics": {"gfid": None, "generated_swd": 50.0},
            "missing": {"gfid": "no weights"},
            "notes": {},
            "generated": 10,
            "references": 10,
            "speed": {"generated_images_per_second": 7.0},
        }
        sampling = SamplingRecord(**{**shared, **own, **(drawn or {})})
        write_model(tmp_path / f"{sampling.id}.json", sampling)
        return path

    return store


def test_numbers_stand_in_the_table(make: Callable[..., Path], tmp_path: Path, capsys) -> None:
    for seed in range(3):
        make("fsq", seed, 120.0 + seed)
        make("rq", seed, 110.0 + seed)
    words = ["--columns", "psnr", "nll_bits", "prior_parameters", "--format", "markdown"]
    assert compare.command([str(tmp_path), *words]) == 0
    shown = capsys.readouterr().out
    cells = {
        row[1]: row
        for row in ([cell.strip() for cell in line.split("|")] for line in shown.splitlines())
        if len(row) > 4
    }
    assert cells["fsq"][4].startswith("121.0 ± ")
    assert cells["rq"][4].startswith("111.0 ± ")
    assert cells["fsq"][5] == "2.00"


def test_what_a_prior_was_is_said(make: Callable[..., Path], tmp_path: Path, capsys) -> None:
    make()
    make("rq", prior="maskgit", settings="s2", exact=False)
    assert compare.command([str(tmp_path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"gpt of the preset quick (s1), {PROTOCOL}" in shown
    assert "maskgit" not in shown
    assert compare.command([str(tmp_path), "--prior", "s2"]) == 0
    assert "a bound above them" in " ".join(capsys.readouterr().out.split())


def test_the_report_shows_them(make: Callable[..., Path], tmp_path: Path) -> None:
    make("fsq")
    make("rq", bits=110.0)
    assert report([str(tmp_path), "--output", str(tmp_path / "report.html")]) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "modelled bits" in page
    assert ">120.0" in page
    assert ">110.0" in page
    assert f"gpt of the preset quick (s1), {PROTOCOL}" in page
    assert "Quality over modelled bits" in page  # the picture


def test_damaged_arrays_of_a_prior_are_named_and_the_rest_is_shown(make: Callable[..., Path], tmp_path: Path, capsys):
    make("fsq")
    make("rq", bits=110.0).with_suffix(".npz").write_bytes(b"PK damaged")
    page = tmp_path / "report.html"
    assert report([str(tmp_path), "--output", str(page)]) == 1
    assert "prior-rq" in capsys.readouterr().err
    assert ">120.0" in page.read_text(encoding="utf-8")
    assert ">110.0" not in page.read_text(encoding="utf-8")


def rows_of(text: str) -> list[list[str]]:
    """The cells of Markdown's rows, table after table."""
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]


def test_priors_of_several_settings_have_rows_of_their_own(make: Callable[..., Path], tmp_path: Path, capsys) -> None:
    make()
    make("rq", settings="s2", changes={"train.images": 5}, bits=90.0)
    words = ["--columns", "psnr", "nll_bits", "--format", "markdown"]
    assert compare.command([str(tmp_path), *words]) == 0
    main, apart = capsys.readouterr().out.split(" · priors, and what was drawn from them**")
    # beside the runs stands the prior that nothing was changed of
    assert {row[0]: row[3] for row in rows_of(main)[1:]} == {"fsq": "120.0", "rq": "–"}
    assert {row[0]: row[2][:5] for row in rows_of(apart)[1:]} == {"fsq": "120.0", "rq train.images=5": "90.0"}
    assert compare.command([str(tmp_path), *words, "--prior", "s2"]) == 0
    shown = capsys.readouterr().out
    assert "what was drawn" not in shown
    assert {row[0]: row[3][:4] for row in rows_of(shown)[1:]} == {"fsq": "–", "rq": "90.0"}


@pytest.fixture
def three_samplings(make: Callable[..., Path], tmp_path: Path) -> Path:
    """Three seeds of fsq, with a prior each and three samplings of it, none of them the preset's own."""
    for seed in range(3):
        for number, changes in enumerate(
            ({"generation.sampling.temperature": 0.9}, {"generation.sampling.top_p": 0.95}, {"class": ["cat"]})
        ):
            swd = {"generated_swd": 50.0 + 10 * number + seed}
            make("fsq", seed, drawn={"settings": f"d{number}", "changes": changes, "metrics": swd})
    return tmp_path


def test_several_samplings_stand_in_one_table(three_samplings: Path, capsys) -> None:
    words = ["--columns", "psnr", "nll_bits", "generated_swd", "--format", "markdown"]
    assert compare.command([str(three_samplings), *words]) == 0
    main, apart = capsys.readouterr().out.split(" · priors, and what was drawn from them**")
    assert "generated SWD" not in main  # which one?
    assert rows_of(main)[1][3].startswith("120.0 ± ")  # the prior's bits are the same whatever was drawn
    found = {row[0]: (row[1], row[2][:5], row[3].strip("*")[:4]) for row in rows_of(apart)[1:]}
    assert found == {
        "fsq class=cat": ("3", "120.0", "71.0"),
        "fsq temperature=0.9": ("3", "120.0", "51.0"),
        "fsq top-p=0.95": ("3", "120.0", "61.0"),
    }
    assert "**51.0" in apart


def test_what_does_not_ask_for_priors_shows_none(three_samplings: Path, capsys) -> None:
    assert compare.command([str(three_samplings), "--columns", "psnr"]) == 0
    assert "what was drawn" not in capsys.readouterr().out


def test_which_sampling_beats_which(three_samplings: Path, capsys) -> None:
    assert compare.command([str(three_samplings), "--matrix", "generated_swd", "--format", "markdown"]) == 0
    assert "| fsq temperature=0.9" in capsys.readouterr().out


def test_samplings_whose_changes_are_equal_in_words_are_told_apart(make, tmp_path: Path, capsys) -> None:
    make()
    make(drawn={"settings": "d2"})
    assert compare.command([str(tmp_path), "--columns", "generated_swd", "--format", "markdown"]) == 0
    shown = capsys.readouterr().out
    assert "| fsq (d1) " in shown
    assert "| fsq (d2) " in shown


def test_report_and_plots_of_several(three_samplings: Path, make: Callable[..., Path], capsys) -> None:
    page, pictures = three_samplings / "report.html", three_samplings / "plots"
    draw = ["--output", str(pictures), "--format", "svg"]
    assert report([str(three_samplings), "--output", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    for name in ("fsq temperature=0.9", "fsq top-p=0.95", "fsq class=cat"):
        assert f">{name}</a>" in text
    assert plot.main(parse_flags(plot.Arguments, "benchmarks.plot", [str(three_samplings), *draw])) == 0
    assert len(list(pictures.glob("*modelled-rate.svg"))) == 1
    for number in (2, 3):  # and of several priors, none of which is the preset's own
        make(settings=f"s{number}", changes={"train.images": number})
    for file in three_samplings.glob("*-s1*.json"):
        file.unlink()
    capsys.readouterr()
    assert report([str(three_samplings), "--output", str(page)]) == 0
    assert "beside the runs with --prior DIGEST" in page.read_text(encoding="utf-8")
    assert plot.main(parse_flags(plot.Arguments, "benchmarks.plot", [str(three_samplings), *draw])) == 0
    assert "--prior DIGEST: gpt of the preset quick, train.images=2 (s2)" in capsys.readouterr().out
    for main, own in ((report, ["--output", str(page)]), (compare.command, [])):
        assert main([str(three_samplings), *own, "--prior", "s2"]) == 0


def test_a_digest_that_no_prior_has_is_an_error_and_those_there_are_are_named(make, tmp_path: Path, capsys) -> None:
    make()
    assert compare.command([str(tmp_path), "--prior", "s9"]) == 2
    assert "no prior 's9' is on these runs; there are: gpt of the preset quick (s1)" in " ".join(
        capsys.readouterr().err.split()
    )
    assert compare.command([str(tmp_path), "--prior", "maskgit"]) == 0


def test_only_the_priors_on_the_runs_are_chosen(make: Callable[..., Path], tmp_path: Path) -> None:
    make()
    make("rq", settings="s2")
    problems: list[str] = []
    found = read_generations([tmp_path], problems)
    runs = [of.prior.run for of in found]
    assert chosen(found, "gpt", runs) == found
    assert [of.prior.run for of in chosen(found, "s2", runs)] == ["rq-10bit-seed0-0123456789"]
    assert chosen(found, "gpt", []) == []
    assert problems == []


def test_a_sampling_without_its_prior_is_named(make: Callable[..., Path], tmp_path: Path, capsys) -> None:
    make().unlink()
    assert compare.command([str(tmp_path)]) == 1
    assert "which does not lie beside it" in " ".join(capsys.readouterr().err.split())


def test_damaged_and_foreign_files_are_named(make: Callable[..., Path], tmp_path: Path, capsys) -> None:
    path = make()
    path.with_name("prior-cut.json").write_bytes(path.read_bytes()[:100])
    path.with_name("prior-next.json").write_text(path.read_text().replace(PROTOCOL, "generation/99"))
    assert compare.command([str(tmp_path)]) == 1
    shown = capsys.readouterr().err.replace("\n", " ")
    assert "prior-cut.json: not a readable JSON file" in shown
    assert "generation/99" in shown


def test_picture_of_modelled_bits(make: Callable[..., Path], make_record, tmp_path: Path) -> None:
    paths = [make("fsq"), make("rq", bits=100.0)]
    runs = [(tmp_path / "x.json", make_record(name, 0, 20.0)) for name in ("fsq", "rq")]
    found = chosen(read_generations(paths, []), "gpt", [record.id for _, record in runs])
    drawn = {stem: figure for stem, _, figure in figures(runs, priors=found)}
    (stem,) = (stem for stem in drawn if stem.endswith("modelled-rate"))
    (panel,) = drawn[stem].axes
    places = sorted(float(line.get_xdata()[0]) for line in panel.lines if line.get_marker() not in ("|", "None", "_"))
    np.testing.assert_allclose(places, [100 / 1024, 120 / 1024])
    assert not any(stem.endswith("modelled-rate") for stem, _, _ in figures(runs))


def test_each_column_has_a_number() -> None:
    assert BY_NAME["nll_bits"].metric == "nll_bits"
    assert BY_NAME["gfid"].better == "low"
