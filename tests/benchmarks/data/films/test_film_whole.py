"""Films whole, at their own size and rate, a frame at a time."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from film_files import frame_of, grey_film, number_in, write_film

from benchmarks.data.films.config import FilmConfig
from benchmarks.data.films.moving import RATE, SECONDS, SIDE
from benchmarks.data.films.reading import Head, Sampling
from benchmarks.data.films.whole import open_film, open_whole_films

NTSC = Fraction(30_000, 1_001)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "avi"])
@pytest.mark.parametrize("rate", [12, NTSC])
def test_each_frame_comes_once_at_the_films_own_rate(tmp_path: Path, suffix: str, rate: Fraction) -> None:
    film = open_film(grey_film(tmp_path / f"a.{suffix}", 40, rate=rate))
    assert (film.extent, film.rate) == ((40, 48, 64), rate)
    assert film.seconds == pytest.approx(float(40 / rate))
    for _ in range(2):  # from the first on again
        assert [number_in(frame) for frame in film.frames()] == list(range(40))


def test_a_variable_rate_is_followed_at_its_mean(tmp_path: Path) -> None:
    film = open_film(grey_film(tmp_path / "a.mkv", 10, times=[0, 100, 150, 300, 400, 500, 700, 720, 900, 1000]))
    assert film.extent[0] == 10
    assert float(film.rate) == pytest.approx(10 / film.seconds)
    assert 1.0 < film.seconds < 1.2
    shown = [number_in(frame) for frame in film.frames()]
    assert (shown[0], shown[-1]) == (0, 8)
    assert shown == sorted(shown)


def test_one_frame_is_a_film(tmp_path: Path) -> None:
    film = open_film(grey_film(tmp_path / "a.mp4", 1))
    assert (film.extent, film.rate, len([*film.frames()])) == ((1, 48, 64), 12, 1)


def test_odd_sides_and_pixels_that_are_not_square(tmp_path: Path) -> None:
    planes = [np.random.default_rng(0).integers(16, 235, (45, 61)) for _ in range(3)]
    path = write_film(tmp_path / "odd.mp4", [frame_of(planes, "yuv444p")] * 2)
    assert next(open_film(path).frames()).shape == (45, 61, 3)
    path = write_film(tmp_path / "wide.mkv", [frame_of(planes, "yuv444p")] * 2, aspect=(3, 2))
    assert open_film(path).extent == (2, 45, 92)


@pytest.mark.parametrize(
    ("own", "seconds", "told", "expected"),
    [
        (100, 4.0, None, Fraction(25)),
        (100, 4.0, Fraction(25), Fraction(25)),
        (999, 33.3667, NTSC, NTSC),
        (999, 33.3667, Fraction(90_000), Fraction(29_970, 1_001).limit_denominator(1_001)),
        (1, 0.0, None, Fraction(1)),
        (1, 1e9, None, Fraction(1, 1_001)),
    ],
)
def test_the_rate_is_told_or_counted(own: int, seconds: float, told: Fraction | None, expected: Fraction) -> None:
    rate = Head(seconds, own, (64, 48), told).rate
    assert float(rate) == pytest.approx(float(expected), rel=1e-3)
    assert told != expected or rate == told


def test_all_films_of_a_source_are_decoded_once_and_broken_ones_named(folder: Path, console) -> None:
    good = (folder / "place0" / "00.mp4").read_bytes()
    (folder / "words.mp4").write_text("no film")
    grey_film(folder / "small.mp4", 4, height=10, width=64)
    damaged = bytearray(good)
    for place in range(len(good) // 4, 3 * len(good) // 4, 13):
        damaged[place] ^= 0x55
    (folder / "damaged.mp4").write_bytes(bytes(damaged))
    films = open_whole_films(FilmConfig(str(folder), frame_size=11), console)
    assert len(films) == films.record["films"] == 7
    assert films.record["skipped"].keys() == {"words.mp4", "small.mp4", "damaged.mp4"}
    assert films.record["frames"] == sum(24 + 4 * number for number in range(7))
    assert films.record["seconds"] == pytest.approx(films.record["frames"] / 12)
    assert films[1].extent == (28, 48, 64)
    assert "left out 3 unusable films" in console.file.getvalue()
    few = open_whole_films(FilmConfig(str(folder / "place0"), frame_size=11, limit_test=2), console)
    assert len(few) == 2
    assert few.record["fingerprint"] != films.record["fingerprint"]


def test_scenes_that_a_program_makes_are_whole_films_too(console) -> None:
    films = open_whole_films(FilmConfig("moving:photographs", frame_size=11, limit_test=1), console)
    film = films[0]
    assert (film.extent, film.rate) == ((SECONDS * RATE, SIDE, SIDE), RATE)
    drawn = films.films.frames(0, Sampling(RATE, SIDE), 0, 3)
    for frame, expected in zip(film.frames(), drawn, strict=False):
        assert np.array_equal(frame, expected)
