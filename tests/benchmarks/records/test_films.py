"""Films side by side as frames, and as they move."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.records.films import FRAMES, moving, save_moving, strips
from benchmarks.records.samples import as_pictures


def _film(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (3, frames, 8, 10), dtype=np.uint8)


@pytest.mark.parametrize("frames", [1, 4, FRAMES, 17])
def test_a_strip_has_the_first_and_the_last_frame(frames: int) -> None:
    films = np.stack([_film(frames), _film(frames, 1)])
    found = as_pictures({"original": films})["original"]
    count = min(frames, FRAMES)
    assert found.shape == (2, 3, 8, 11 * count - 1)
    assert np.array_equal(found[1, :, :, :10], films[1, :, 0])
    assert np.array_equal(found[1, :, :, -10:], films[1, :, -1])
    assert (found[:, :, :, 10::11] == 255).all()
    assert np.array_equal(strips({"a": films})["a"], found)


def test_a_moving_film_is_every_frame_for_its_time() -> None:
    film = _film(13)
    with Image.open(io.BytesIO(moving(film, 12))) as image:
        assert (image.n_frames, image.info["loop"]) == (13, 0)
        times = []
        for number in range(13):
            image.seek(number)
            assert np.array_equal(np.asarray(image.convert("RGB")), film[:, number].transpose(1, 2, 0))
            times.append(image.info["duration"])
    assert sum(times) == round(13 / 12 * 1000)


def test_films_side_by_side_keep_their_pixels(tmp_path: Path) -> None:
    one, other = _film(3), _film(3, 1)
    save_moving(tmp_path / "film.webp", [one, other], 12)
    with Image.open(tmp_path / "film.webp") as image:
        assert image.size == (16 * 21, 16 * 8)
        assert image.n_frames == 3
        image.seek(2)
        shown = np.asarray(image.convert("RGB"))[::16, ::16]
    assert np.array_equal(shown[:, :10], one[:, 2].transpose(1, 2, 0))
    assert np.array_equal(shown[:, 11:], other[:, 2].transpose(1, 2, 0))
