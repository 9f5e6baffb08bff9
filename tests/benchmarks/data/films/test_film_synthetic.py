"""The films that a program draws: the same everywhere, moving, and of scenes that do not repeat."""

import numpy as np
import torch

from benchmarks.data.films import FilmConfig, open_films
from benchmarks.data.films.reading import Sampling
from benchmarks.data.films.synthetic import RATE, SECONDS, SIDE, SyntheticFilms, draw, open_synthetic


def test_training_films_and_test_clips(console) -> None:
    data = open_films(FilmConfig(frame_size=16, frames_per_second=8, clip_frames=9, limit_train=3), console)
    assert len(open_synthetic().open_train()) == 24
    assert len(data.test) == 6
    assert {*map(data.test.films.name, range(6))}.isdisjoint(map(open_synthetic().open_train().name, range(24)))
    assert data.test[0].shape == (3, 9, 16, 16)
    assert data.record["name"] == "synthetic"
    assert "synthetic scenes train" in data.record["split"]
    assert len(torch.stack(list(data.test.clips)).flatten(1).unique(dim=0)) == 6


def test_a_scene_is_the_same_whenever_it_is_drawn() -> None:
    once = draw(25, 7)
    for scene in range(5):  # more than are kept
        draw(scene, 0)
    assert np.array_equal(draw(25, 7), once)
    assert not np.array_equal(draw(24, 7), once)


def test_it_moves_as_far_as_a_film_does_and_no_further() -> None:
    """Neighbouring frames are alike and not the same; frames a second apart are not alike."""
    for scene in range(24, 30):
        first, second, later = (draw(scene, number).astype(float) for number in (0, 1, RATE))
        near, far = np.abs(second - first).mean(), np.abs(later - first).mean()
        assert 0.3 < near < 0.6 * far


def test_all_levels_and_colours_are_used() -> None:
    frames = np.stack([draw(scene, 0) for scene in range(24, 30)])
    assert frames.min() < 15
    assert frames.max() > 240
    assert frames.std(axis=(1, 2)).min() > 15


def test_frames_at_any_rate() -> None:
    films = SyntheticFilms([3])
    at = films.frames(0, Sampling(RATE / 2, SIDE), 2, 3)
    assert np.array_equal(at, np.stack([draw(3, 2 * number) for number in (2, 3, 4)]))
    assert films.head(0).frames(RATE) == RATE * SECONDS
