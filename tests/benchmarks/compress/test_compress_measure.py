"""`compress measure`: runs and codecs on whole pictures, stored once, resumed, shown."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from killed import kill_at_call
from PIL import Image

from benchmarks.compress import measure as command, measured_pictures, show
from benchmarks.compress.__main__ import main
from benchmarks.data.machine import torch_threads
from benchmarks.plot import Arguments, main as plot
from benchmarks.protocols.compression import measure as protocol
from benchmarks.protocols.compression.codecs import CODECS
from benchmarks.records import compression
from benchmarks.records.arrays import read_arrays
from benchmarks.records.compression import Compression, read_compression
from storage.whole_files import replacing

TOKENIZERS = {"fsq": {"fixed-length": 1, "histogram": 1, "gpt": 1}, "rq": {"fixed-length": 2, "histogram": 2}}
"""Of each run the models of its codes, and at how many rates."""


@pytest.fixture
def home(compress_home: Path, tmp_path: Path) -> Path:
    """A copy of the runs, that a test may change, and whole/: three pictures of an odd size."""
    home = tmp_path / "home"
    shutil.copytree(compress_home / "runs", home / "runs")
    (home / "whole").mkdir()
    random = np.random.default_rng(0)
    for index in range(3):
        coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        coarse.resize((75, 50), Image.Resampling.BICUBIC).save(home / "whole" / f"{index:02}.png")
    return home


@pytest.fixture
def run_of(home: Path) -> Callable[[str], str]:
    """The record of the run of a quantizer."""

    def find(quantizer: str) -> str:
        (path,) = (home / "runs").rglob(f"{quantizer}-*.json")
        return str(path)

    return find


@pytest.fixture
def measure(home: Path) -> Callable[..., int]:
    """The command on one thread of the CPU, on whole/, into results/."""

    def call(*words: str) -> int:
        given = ["measure", "--data", str(home / "whole"), "--cpu", "-o", str(home / "results")]
        with torch_threads(1):
            return main([*given, *words])

    return call


@pytest.fixture(autouse=True)
def _every_other_quality(monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = {name: replace(codec, qualities=codec.qualities[::2]) for name, codec in CODECS.items()}
    monkeypatch.setattr(measured_pictures, "CODECS", fewer)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take most of the time of a small measurement."""
    monkeypatch.setattr(show, "save_figures", lambda *_: [])


def _stored(home: Path) -> dict[str, tuple[Path, Compression]]:
    found = [(path, read_compression(path)) for path in sorted((home / "results").rglob("*.json"))]
    return {record.heading: (path, record) for path, record in found}


@pytest.mark.slow
def test_runs_under_each_model_beside_codecs(home, run_of, measure, capsys) -> None:
    assert measure("--run", run_of("fsq"), run_of("rq"), "--codec", "jpeg", "avif") == 0
    captured = capsys.readouterr()
    stored = _stored(home)
    rates = {heading: len(record.points) for heading, (_, record) in stored.items()}
    expected = {f"{name} 10 bits (smoke), {model}": n for name, of in TOKENIZERS.items() for model, n in of.items()}
    assert rates == {"JPEG": 5, "AVIF": 5, **expected}
    for heading, (path, record) in stored.items():
        assert path.parent == home / "results" / "compression" / "whole"
        arrays = read_arrays(path)
        for point in record.points:
            sizes, rate = arrays[f"{point.name}/bytes"], arrays[f"{point.name}/bpp"]
            assert sizes.shape == (3,)
            assert rate == pytest.approx(8 * sizes / (75 * 50))
            assert point.metrics["bpp"] == pytest.approx(rate.mean())
            assert point.metrics["ms_ssim"] is None
        assert "MS" not in captured.out or "under 176 pixels" in record.missing["ms_ssim"]
        assert heading in captured.out
    assert [point.metrics["bpp"] for point in stored["rq 10 bits (smoke), histogram"][1].points] == sorted(
        point.metrics["bpp"] for point in stored["rq 10 bits (smoke), histogram"][1].points
    )
    gpt = stored["fsq 10 bits (smoke), gpt"][1].points[0].metrics
    assert 8 * gpt["bytes"] > gpt["model_bits"] > 0
    assert 0 < gpt["overhead"] < 100
    assert abs(gpt["fixed_point"]) < 0.1
    (one,) = (point.metrics for point in stored["fsq 10 bits (smoke), fixed-length"][1].points)
    assert one["model_bits"] == pytest.approx(10 * 7 * np.log2(1000), rel=1e-6)  # padded to 80 x 56 pixels, stride 8
    assert {name.split("-")[0] for name in (each.name for each in (home / "results/compression").glob("*.png"))} == {
        "compression"
    }


@pytest.mark.usefixtures("undrawn")
def test_a_tokenizers_files_are_those_of_encode_and_its_crops_those_of_decode(home, run_of, measure) -> None:
    assert measure("--run", run_of("fsq"), "--codec", "webp", "jpeg-xl") == 0
    path, record = _stored(home)["fsq 10 bits (smoke), histogram"]
    arrays = read_arrays(path)
    picture, coded = home / "whole" / "01.png", home / "coded"
    assert main(["encode", str(picture), "--run", run_of("fsq"), "-o", str(coded), "--cpu"]) == 0
    assert main(["decode", str(coded / "01.qz"), "--run", run_of("fsq"), "-o", str(coded), "--cpu"]) == 0
    assert (coded / "01.qz").stat().st_size == arrays["1 code/bytes"][1] == record.samples[1].budget
    with Image.open(coded / "01.png") as decoded, Image.open(picture) as original:
        assert np.array_equal(arrays["samples/coded/1"], np.asarray(decoded))
        assert np.array_equal(arrays["samples/original/1"], np.asarray(original))
    assert record.samples[1].picture == "01.png"
    assert set(record.samples[1].bytes) == {"webp", "jpeg-xl"}


@pytest.mark.usefixtures("undrawn")
def test_what_is_stored_is_not_measured_again(home, run_of, measure, capsys, monkeypatch) -> None:
    words = ["--run", run_of("rq"), "--codec", "jpeg"]
    assert measure(*words) == 0
    before = {path: path.read_bytes() for path in (home / "results").rglob("*.json")}
    monkeypatch.setattr(command, "coded", _never)
    capsys.readouterr()
    assert measure(*words) == 0
    assert "9 of 9 rates are measured already" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in (home / "results").rglob("*.json")}


def _never(*_: object) -> None:
    raise AssertionError("it is measured again")


@pytest.mark.usefixtures("undrawn")
def test_a_stopped_command_goes_on_at_the_rate_where_it_was(home, measure, capsys, monkeypatch) -> None:
    calls = 0

    def stopping(*given: object) -> protocol.Numbers:
        nonlocal calls
        calls += 1
        if calls == 3 * 2 + 2:  # in the third quality
            raise KeyboardInterrupt
        return protocol.coded(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(command, "coded", stopping)
    assert measure("--codec", "jpeg") == 130
    assert "what is written is whole" in capsys.readouterr().err
    path, record = _stored(home)["JPEG"]
    assert [point.setting["quality"] for point in record.points] == [1, 10]
    first = read_arrays(path)
    assert measure("--codec", "jpeg") == 0
    assert calls == 3 * 5 + 2
    _, record = _stored(home)["JPEG"]
    assert [point.setting["quality"] for point in record.points] == [1, 10, 30, 70, 95]
    second = read_arrays(path)
    assert all(np.array_equal(second[name], values, equal_nan=True) for name, values in first.items())


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_a_command_killed_between_arrays_and_record_goes_on(home, measure, monkeypatch) -> None:
    kill_at_call(monkeypatch, compression, "write_arrays", 3, lambda: measure("--codec", "jpeg"))
    path, record = _stored(home)["JPEG"]
    assert len(record.points) == 2
    assert len(read_arrays(path)) == 3 * 8
    assert measure("--codec", "jpeg") == 0
    _, record = _stored(home)["JPEG"]
    assert len(record.points) == 5


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("damage", ["record", "arrays", "no arrays"])
def test_a_damaged_file_is_measured_again(home, measure, damage: str) -> None:
    assert measure("--codec", "jpeg") == 0
    path, before = _stored(home)["JPEG"]
    if damage == "no arrays":
        path.with_suffix(".npz").unlink()
    else:
        broken = path if damage == "record" else path.with_suffix(".npz")
        with replacing(broken) as temporary:
            temporary.write_bytes(broken.read_bytes()[:100])
    assert measure("--codec", "jpeg") == 0
    _, after = _stored(home)["JPEG"]
    assert [of.metrics["bpp"] for of in after.points] == [of.metrics["bpp"] for of in before.points]
    assert len(read_arrays(path)) == 5 * 8


@pytest.mark.usefixtures("undrawn")
def test_other_pictures_and_another_tokenizer_are_other_measurements(home, run_of, measure) -> None:
    assert measure("--run", run_of("fsq"), "--codec") == 0
    assert measure("--run", run_of("fsq"), "--codec", "--limit", "2") == 0
    assert len(list((home / "results").rglob("*.json"))) == 6


@pytest.mark.slow
def test_report_readme_csv_and_plot_are_of_what_is_stored(home, run_of, measure, capsys) -> None:
    assert measure("--run", run_of("rq"), "--codec", "jpeg") == 0
    readme = home / "README.md"
    readme.write_text("before\n<!-- compression -->\nstale\n<!-- end of compression -->\nafter\n")
    report = ["measure", "--report", "-o", str(home / "results")]
    assert main([*report, "--readme", str(readme)]) == 0
    text = readme.read_text()
    assert text.startswith("before\n")
    assert "stale" not in text
    assert text.count("| JPEG, quality") == 1
    capsys.readouterr()
    assert main([*report, "--format", "csv"]) == 0
    (home / "table.csv").write_text(capsys.readouterr().out)
    table = pd.read_csv(home / "table.csv")
    assert len(table) == 5 + 4
    assert main([*report, "--format", "markdown", "--short"]) == 0
    assert "| rq 10 bits (smoke), histogram, 1 code" in capsys.readouterr().out
    assert plot(Arguments(paths=(home / "results",), output=home / "plots", format=("png",))) == 0
    assert {path.name for path in (home / "plots").iterdir()} == {
        path.name for path in (home / "results" / "compression").glob("*.png")
    }


@pytest.mark.usefixtures("undrawn")
def test_one_prior_can_be_chosen(home, run_of, measure, capsys) -> None:
    assert measure("--run", run_of("fsq"), "--codec", "--prior", "gpt") == 0
    assert measure("--run", run_of("fsq"), "--codec", "--prior", "maskgit") == 2
    assert "no prior 'maskgit' is on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--data", "{home}/nowhere"], "there is no folder"),
        (["--codec"], "nothing to measure"),
        (["--prior", "gpt"], "--prior is of the codes of a run"),
        (["--run", "{home}/nowhere.json"], "does not exist"),
        (["--run", "{none}"], "has no codebook"),
        (["--readme", "{home}/nowhere.md"], "cannot read --readme"),
        (["--report", "-o", "{home}/nowhere"], "no measurement in"),
        (["--lpips-backbone", "{home}/nowhere.pth"], "there is no file"),
    ],
)
def test_a_mistake_gets_a_sentence(home, run_of, measure, capsys, words: list[str], said: str) -> None:
    filled = [word.format(home=home, none=run_of("none")) for word in words]
    assert measure(*filled) == 2
    error = capsys.readouterr().err
    assert said in " ".join(error.split())
    assert "Traceback" not in error
    assert not list((home / "results").rglob("*.json"))


@pytest.mark.usefixtures("undrawn")
def test_of_a_folder_what_has_no_codes_is_named_and_left_out(home, measure, capsys) -> None:
    assert measure("--run", str(home / "runs"), "--codec", "--limit", "1") == 0
    error = " ".join(capsys.readouterr().err.split())
    assert "left out:" in error
    assert "none has no codebook" in error
    assert {heading.partition(" ")[0] for heading in _stored(home)} == {"fsq", "rq", "kmeans", "block-mean"}


def test_pictures_must_be_named(capsys) -> None:
    assert main(["measure", "--codec", "jpeg"]) == 2
    assert "name the pictures, sounds or films" in capsys.readouterr().err
