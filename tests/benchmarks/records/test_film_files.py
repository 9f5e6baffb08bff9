"""Films as files to watch: level for level, at their rate, with a word of what they are."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks.data.films.whole import open_film
from benchmarks.records.film_files import about_film_file, save_lossless


@pytest.mark.parametrize("rate", [Fraction(12), Fraction(30_000, 1_001), Fraction(15, 2)])
@pytest.mark.parametrize("extent", [(5, 45, 61), (1, 16, 16), (2, 1, 3)])
def test_every_level_of_every_frame_is_kept(tmp_path: Path, rate: Fraction, extent: tuple[int, int, int]) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (*extent, 3), dtype=np.uint8)
    path = tmp_path / "new" / "a.mkv"
    save_lossless(path, frames, rate, "decoded by fsq")
    film = open_film(path)
    assert (film.extent, film.rate) == (extent, rate)
    assert np.array_equal(np.stack([*film.frames()]), frames)
    assert about_film_file(path) == "decoded by fsq"


def test_what_cannot_be_decoded_leaves_no_file(tmp_path: Path) -> None:
    def broken():
        yield np.zeros((16, 16, 3), np.uint8)
        raise ValueError("its codes come out otherwise")

    with pytest.raises(ValueError, match="otherwise"):
        save_lossless(tmp_path / "a.mkv", broken(), Fraction(12), "")
    assert not list(tmp_path.iterdir())
    (tmp_path / "words.mkv").write_text("no film")
    assert about_film_file(tmp_path / "words.mkv") is None
