"""Numbers of priors in tables and pictures."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import compare
from benchmarks.plots import figures
from benchmarks.records.files import write_model
from benchmarks.records.generation import PROTOCOL, SCHEMA, Generation, chosen, read_generations
from benchmarks.records.record import Record, write_arrays, write_record
from benchmarks.report.__main__ import main as report
from benchmarks.tables.columns import BY_NAME


@pytest.fixture
def make(make_record: Callable[..., Record], tmp_path: Path) -> Callable[..., Path]:
    """A run and a prior on it, stored; keywords replace the prior's fields. Returns the prior's path."""

    def store(name: str = "fsq", seed: int = 0, bits: float = 120.0, **fields: object) -> Path:
        record = make_record(
            name, seed, 20 + len(name) / 10, data={"name": "x", "source": "x", "fingerprint": "f", "image_size": 32}
        )
        write_record(tmp_path / f"{record.id}.json", record, {"image/psnr": np.array([19.0, 21.0])})
        values = {
            "schema_version": SCHEMA,
            "id": "",
            "protocol": PROTOCOL,
            "run": record.id,
            "tokenizer": name,
            "preset": "quick",
            "prior": "gpt",
            "exact": True,
            "settings": "s1",
            "changes": {},
            "config": {},
            "layout": {},
            "classes": 0,
            "seed": seed,
            "data": {},
            "metrics": {"nll_bits": bits, "nll_bpp": bits / 1024, "nll_gap": 3.0, "gfid": None},
            "missing": {"gfid": "no weights"},
            "notes": {},
            "generated": 10,
            "references": 10,
            "speed": {"generated_images_per_second": 7.0},
            "parameters": 2_000_000,
            "training": record.training,
            "environment": record.environment,
            "command": "",
            "created": record.created,
            "wall_seconds": 1.0,
        }
        generation = Generation(**{**values, **fields})
        path = tmp_path / f"prior-{record.id}-{generation.settings}.json"
        write_model(path, generation)
        write_arrays(path, {"image/nll_bits": np.array([bits - 2, bits + 2])})
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


def test_priors_of_several_settings_do_not_mix(make: Callable[..., Path], tmp_path: Path, capsys) -> None:
    make()
    make("rq", settings="s2", changes={"train.images": 5})
    assert compare.command([str(tmp_path)]) == 2
    assert "several priors" in capsys.readouterr().err
    assert compare.command([str(tmp_path), "--prior", "s2"]) == 0


def test_a_digest_that_no_prior_has_is_an_error_and_those_there_are_are_named(make, tmp_path: Path, capsys) -> None:
    make()
    assert compare.command([str(tmp_path), "--prior", "s9"]) == 2
    assert "no prior 's9' is on these runs; there are: gpt of the preset quick (s1)" in " ".join(
        capsys.readouterr().err.split()
    )
    assert compare.command([str(tmp_path), "--prior", "maskgit"]) == 0


def test_tables_of_their_own_may_have_priors_of_their_own(make: Callable[..., Path], tmp_path: Path) -> None:
    make()
    make("rq", settings="s2")
    problems: list[str] = []
    found = read_generations([tmp_path], problems)
    runs = [of.run for of in found.values()]
    assert set(chosen(found, "gpt", dict(zip(runs, ("a", "b"), strict=True)))) == set(runs)
    assert chosen(found, "gpt", {}) == {}
    assert problems == []


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
    found = chosen(read_generations(paths, []), "gpt", {record.id: "abc" for _, record in runs})
    drawn = {stem: figure for stem, _, figure in figures(runs, priors=found)}
    (stem,) = (stem for stem in drawn if stem.endswith("modelled-rate"))
    (panel,) = drawn[stem].axes
    places = sorted(float(line.get_xdata()[0]) for line in panel.lines if line.get_marker() not in ("|", "None", "_"))
    np.testing.assert_allclose(places, [100 / 1024, 120 / 1024])
    assert not any(stem.endswith("modelled-rate") for stem, _, _ in figures(runs))


def test_each_column_has_a_number() -> None:
    assert BY_NAME["nll_bits"].metric == "nll_bits"
    assert BY_NAME["gfid"].better == "low"
