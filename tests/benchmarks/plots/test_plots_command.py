"""All pictures at once, as a generator and as the command: which there are, how they are called, and that equal runs
give equal files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.plot import Arguments, main
from benchmarks.plots import figures
from benchmarks.plots.saving import LARGEST, save
from benchmarks.tables.selection import Selection

ROOT = Path(__file__).parents[3]
KINDS = ("cost", "training", "usage", "rank-frequency", "reconstructions")


@pytest.fixture
def stored(store: Callable, arrays: Callable) -> list:
    """Three methods, two rates, two seeds, both baselines."""
    runs = [store(name, seed, arrays=arrays(seed)) for name in ("vq", "fsq") for seed in range(2)]
    runs += [store("vq", bits=12, arrays=arrays()), store("lfq", options={"entropy": 0.1}, arrays=arrays())]
    baselines = [arrays(), arrays()]
    for name in ("code_counts", "curve/step"):
        del baselines[0][name]
    return [*runs, store("none", bits=512, arrays=baselines[1]), store("block-mean", bits=24, arrays=baselines[0])]


def test_every_kind_of_picture_for_the_group_and_each_rate(stored: list) -> None:
    drawn = list(figures(stored))
    assert [stem for stem, _, _ in drawn] == [
        "quick-photographs-rate-distortion",
        *(f"quick-photographs-{bits}bit-{kind}" for bits in (10, 12) for kind in KINDS),
    ]
    for _, title, figure in drawn:
        assert "photographs · preset quick" in title
        assert "\n" not in title
        assert isinstance(figure, Figure)
        assert figure.get_suptitle().replace("\n", " ").endswith(title.partition(" · ")[2])
    assert "matplotlib.pyplot" not in str(type(drawn[0][2].canvas))


def test_what_cannot_be_compared_is_drawn_apart(stored: list, store: Callable) -> None:
    stems = [stem for stem, _, _ in figures([*stored, store(preset="cpu")])]
    assert len(set(stems)) == len(stems)
    assert {stem.split("-")[0] for stem in stems} == {"quick", "cpu"}


def test_a_method_looks_the_same_in_every_picture(stored: list, store: Callable) -> None:
    looks: dict[str, set] = {}
    for _, _, figure in [*figures(stored), *figures([store("fsq"), store("rq")])]:
        for legend in figure.legends:
            for text, line in zip(legend.get_texts(), legend.get_lines(), strict=True):
                looks.setdefault(text.get_text(), set()).add((line.get_color(), str(line.get_marker())))
    assert {"vq", "fsq", "rq", "lfq entropy=0.1"} <= set(looks)
    assert all(len(looks[name]) == 1 for name in looks if name != "none")  # none is a level line where it has no cost


def test_a_title_from_a_folders_name_is_no_mathematics(store: Callable, tmp_path: Path) -> None:
    (_, _, figure), *_ = figures([store(data={"name": r"$\bad$", "fingerprint": "f"})])
    assert save(figure, tmp_path / "plots", "name")


def test_nothing_is_drawn_of_nothing() -> None:
    assert list(figures([])) == []


@pytest.mark.slow
def test_twice_the_command_gives_equal_files(
    store: Callable, arrays: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed in range(2):
        store("vq", seed, arrays=arrays(seed))
    contents = []
    for folder in ("first", "second"):
        assert main(Arguments((tmp_path / "runs",), tmp_path / folder)) == 0
        paths = sorted((tmp_path / folder).iterdir())
        printed = capsys.readouterr().out.splitlines()
        assert sorted(printed) == [f"picture: {path}" for path in sorted(map(str, paths))]
        contents.append({path.name: path.read_bytes() for path in paths})
    assert len(contents[0]) == 2 * (1 + len(KINDS))
    assert contents[0] == contents[1]
    assert not any(b"<dc:date>" in content for content in contents[0].values())


def test_the_wanted_runs_are_drawn_as_pdf(stored: list, tmp_path: Path) -> None:
    folder = stored[0][0].parent
    arguments = Arguments((folder,), tmp_path / "plots", ("pdf",), Selection(quantizer=("vq",), bits=(12,)))
    assert main(arguments) == 0
    drawn = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert "quick-photographs-12bit-cost.pdf" in drawn
    assert not any("10bit" in name for name in drawn)
    content = (tmp_path / "plots" / drawn[0]).read_bytes()
    assert content.startswith(b"%PDF")
    assert main(replace(arguments, output=tmp_path / "again")) == 0
    assert (tmp_path / "again" / drawn[0]).read_bytes() == content


def test_files_that_are_no_runs_are_named_and_left_out(
    store: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store()
    (unreadable, _) = store("fsq")
    unreadable.with_suffix(".npz").write_bytes(b"PK")
    (tmp_path / "runs" / "broken.json").write_text("{")
    (tmp_path / "runs" / "speed.json").write_text('{"schema_version": 1, "protocol": "speed/2"}')
    assert main(Arguments((tmp_path / "runs",), tmp_path / "plots")) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert all(line.startswith("left out: ") for line in said)
    for name in ("broken.json", "speed.json", unreadable.with_suffix(".npz").name):
        assert any(name in line for line in said)
    assert (tmp_path / "plots" / "quick-photographs-rate-distortion.svg").exists()


def test_sweeps_and_source_coding_are_drawn_too(tmp_path: Path) -> None:
    (sweep, *_) = (ROOT / "results" / "speed").glob("sweep-*.json")
    (source, *_) = (ROOT / "results" / "source-coding" / "gaussian-4").glob("fsq-4bit*.json")
    assert main(Arguments((sweep, source), tmp_path)) == 0
    stems = {path.stem for path in tmp_path.glob("*.svg")}
    assert stems == {f"speed-{sweep.stem}", "source-coding-blocks-of-4"}


def test_without_runs_it_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(Arguments((tmp_path,), tmp_path / "plots")) == 2
    assert "python -m benchmarks.run" in capsys.readouterr().err
    assert main(Arguments((tmp_path / "nowhere",))) == 2
    assert "does not exist" in capsys.readouterr().err
    assert not (tmp_path / "plots").exists()


def test_a_folder_that_cannot_be_written_is_a_mistake_and_a_sentence(
    store: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store()
    (tmp_path / "file").touch()
    assert main(Arguments((tmp_path / "runs",), tmp_path / "file" / "plots")) == 2
    assert "cannot write to --output" in capsys.readouterr().err


def test_a_png_of_photographs_is_made_coarser_until_it_is_small(tmp_path: Path) -> None:
    figure = Figure(figsize=(8, 6))
    figure.subplots().imshow(np.random.default_rng(0).random((1200, 1600, 3)))
    svg, png = save(figure, tmp_path, "noise.with.dots")
    assert (svg.name, png.name) == ("noise.with.dots.svg", "noise.with.dots.png")
    assert png.stat().st_size < LARGEST
    assert Image.open(png).width < 8 * 150
    assert matplotlib.rcParams["svg.hashsalt"] is None


def test_stored_pictures_are_small_and_stand_in_a_document() -> None:
    documents = [ROOT / "README.md", ROOT / "results" / "README.md", *(ROOT / "docs").rglob("*.md")]
    text = "".join(path.read_text(encoding="utf-8") for path in documents)
    pictures = list((ROOT / "results" / "plots").iterdir())
    assert pictures
    assert [path.name for path in pictures if path.name not in text or path.stat().st_size > 2_000_000] == []
