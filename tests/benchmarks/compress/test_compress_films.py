"""Films as files of codes, as a user makes and reads them."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from film_files import frame_of, grey_film, write_film

from autoencoders.extents import extended
from benchmarks import load_run
from benchmarks.data.films.whole import open_film
from benchmarks.data.machine import torch_threads
from benchmarks.metrics.pictures import to_uint8, to_unit_range
from benchmarks.records.arrays import read_arrays, write_arrays
from benchmarks.records.film_files import about_film_file

Compress = Callable[..., int]
Captured = pytest.CaptureFixture[str]
FilmRun = Callable[[str], Path]


@pytest.fixture(scope="session")
def odd_films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: one frame, odd sides, a variable rate, NTSC's rate in a folder of its own, and no film."""
    folder = tmp_path_factory.mktemp("odd films")
    random = np.random.default_rng(0)
    planes = [[random.integers(16, 235, (45, 61)) for _ in range(3)] for _ in range(9)]
    write_film(folder / "odd.mp4", [frame_of(each, "yuv444p") for each in planes])
    grey_film(folder / "one.mp4", 1)
    grey_film(folder / "variable.mkv", 6, times=[0, 100, 150, 300, 700, 720])
    grey_film(folder / "below" / "ntsc.mov", 7, height=18, width=22, rate=Fraction(30_000, 1_001))
    (folder / "notes.txt").write_text("no film")
    return folder


@pytest.mark.parametrize("words", [[], ["--fixed-length"]], ids=["histogram", "fixed"])
def test_a_folder_of_odd_films_comes_back_as_the_tokenizer_decodes_it(
    words: list[str], film_run: FilmRun, odd_films: Path, compress: Compress, tmp_path: Path, capsys: Captured
) -> None:
    path = film_run("fsq")
    assert compress("encode", odd_films, "--run", path, "-o", tmp_path / "files", *words) == 0
    files = sorted((tmp_path / "files").iterdir())
    assert [file.name for file in files] == ["ntsc.qz", "odd.qz", "one.qz", "variable.qz"]
    said = capsys.readouterr().out
    assert said.count("kbit/s") == said.count("bits per pixel") == 4
    assert compress("decode", *files, "--run", path, "-o", tmp_path / "back") == 0
    assert "61 × 45 pixels, 9 frames at 12 a second" in capsys.readouterr().out
    run = load_run(path)
    for original in odd_films.rglob("*.m*"):
        film, back = open_film(original), open_film(tmp_path / "back" / f"{original.stem}.mkv")
        assert (back.extent, back.rate) == (film.extent, film.rate)
        signal = to_unit_range(torch.from_numpy(np.stack([*film.frames()])).movedim(3, 1)).movedim(1, 0)[None]
        with torch.no_grad(), torch_threads(1):
            made = run.tokenizer.decode(run.tokenizer.encode(extended(run.tokenizer, signal)))
        frames, height, width = film.extent
        expected = to_uint8(made[0, :, :frames, :height, :width].movedim(1, 0)).movedim(1, 3)
        np.testing.assert_allclose(np.stack([*back.frames()]), expected, atol=1)
    assert about_film_file(tmp_path / "back" / "odd.mkv") == f"decoded by {run.record.id}"


def test_what_cannot_be_done_is_named_and_the_rest_is_done(
    film_run: FilmRun, odd_films: Path, compress: Compress, tmp_path: Path, capsys: Captured
) -> None:
    path = film_run("fsq")
    (tmp_path / "words.mp4").write_text("no film")
    (tmp_path / "empty.mp4").touch()
    whole = grey_film(tmp_path / "whole.mkv", 40).read_bytes()
    (tmp_path / "short.mkv").write_bytes(whole[: len(whole) // 2])
    bad = [tmp_path / name for name in ("words.mp4", "empty.mp4", "short.mkv", "none.mp4")]
    words = ["--run", path, "-o", tmp_path / "files"]
    assert compress("encode", *bad, odd_films / "odd.mp4", *words) == 1
    said = " ".join(capsys.readouterr().err.split())
    for name, why in zip(bad, ("no film in a known", "the file is empty", "cut off", "No such file"), strict=True):
        assert f"{name.name}: {why}" in said
    assert [file.name for file in (tmp_path / "files").iterdir()] == ["odd.qz"]
    data = (tmp_path / "files" / "odd.qz").read_bytes()
    (tmp_path / "cut.qz").write_bytes(data[:-3])
    (tmp_path / "altered.qz").write_bytes(data[:30] + bytes([data[30] ^ 1]) + data[31:])
    for name in ("cut", "altered"):
        assert compress("decode", tmp_path / f"{name}.qz", "--run", path, "-o", tmp_path) == 1
        assert f"{name}.qz: cut or altered" in capsys.readouterr().err
        assert not (tmp_path / f"{name}.mkv").exists()
    assert compress("decode", tmp_path / "files" / "odd.qz", "--run", film_run("rq"), "-o", tmp_path) == 1
    assert "made by another tokenizer" in capsys.readouterr().err


def test_a_run_without_counts_says_what_to_give(
    film_run: FilmRun, odd_films: Path, compress: Compress, tmp_path: Path, capsys: Captured
) -> None:
    path = film_run("fsq")
    arrays = read_arrays(path)
    del arrays["code_counts"]
    write_arrays(path, arrays)
    assert compress("encode", odd_films / "one.mp4", "--run", path, "-o", tmp_path) == 2
    assert "has no counts of its codes" in " ".join(capsys.readouterr().err.split())
