"""The films that a program makes of pictures: the same everywhere, moving as films do, tests apart from trainings."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.data.config import DataConfig, DataError
from benchmarks.data.films import FilmConfig, open_films
from benchmarks.data.films.moving import RATE, SECONDS, SIDE, MovingPictures, open_moving
from benchmarks.data.films.reading import Sampling
from benchmarks.data.sampling import SampleKey
from benchmarks.data.sources import open_source

EVERY = Sampling(RATE, SIDE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Six pictures, each of smooth noise around a colour of its own."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, colour in enumerate(np.random.default_rng(0).integers(60, 200, (6, 3))):
        coarse = np.random.default_rng(number).normal(colour, 40, (12, 16, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(coarse).resize((240, 180), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


def scene(films: MovingPictures, number: int) -> np.ndarray:
    return films.frames(number, EVERY, 0, RATE * SECONDS).astype(float)


def test_bundled_photographs_are_the_default(console) -> None:
    data = open_films(
        FilmConfig(frame_size=16, frames_per_second=8, clip_frames=9, limit_train=3, limit_test=4), console
    )
    assert data.record["name"] == "moving-photographs"
    assert "scenes of pictures that move" in data.record["split"]
    assert "mirrored half the time" in data.record["train"]["crop"]
    assert (len(data.train), len(data.test)) == (3, 4)
    assert data.test[0].shape == (3, 9, 16, 16)
    assert len(torch.stack(list(data.test.clips)).flatten(1).unique(dim=0)) == 4
    source = open_moving("photographs")
    assert (len(source.open_train()), len(source.test)) == (240, 49)


def test_scenes_of_a_folder(folder: Path, console) -> None:
    """As many as pictures, or more; what tests shows other pictures and moves otherwise."""
    data = open_films(FilmConfig(f"moving:{folder}", frame_size=32, limit_train=5), console)
    assert data.record["name"] == f"moving-{folder.name}"
    films, tests = open_moving(str(folder)).open_train(), data.test.films
    assert {films.name(number).split(", ")[1] for number in range(len(films))} == {f"{n}.png" for n in (1, 2, 3, 4)}
    assert [tests.name(number).split(", ")[1] for number in range(len(tests))] == ["0.png", "5.png"]
    assert not np.array_equal(scene(films, 0), scene(films, 4))  # of the same picture
    assert films.stored(0).read() != films.stored(4).read()
    everything = open_moving(str(folder)).part("all")
    assert len(everything) == 6


def test_a_picture_that_cannot_be_read_is_named(folder: Path, tmp_path: Path, console) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "1.png").write_bytes(b"no picture")
    data = open_films(FilmConfig(f"moving:{tmp_path}", frame_size=32, limit_train=9), console)
    skipped = data.record["train"]["skipped"]
    assert any("1.png" in name for name in skipped)
    assert 0 < len(data.train) < 7  # and scenes in which it moves in front
    assert len(data.train[SampleKey(0, 0, 0)]) == 3


def test_a_scene_is_the_same_whenever_it_is_drawn(folder: Path) -> None:
    films = open_moving(str(folder)).open_train()
    whole = scene(films, 3)
    assert np.array_equal(films.frames(3, EVERY, 7, 5), whole[7:12])
    assert np.array_equal(open_moving(str(folder)).open_train().frames(3, EVERY, 7, 5), whole[7:12])


def test_of_the_same_pictures_those_that_test_move_otherwise(folder: Path) -> None:
    films = open_moving(str(folder)).open_train()
    others = replace(films, part=1)
    assert films.name(3) == others.name(3)
    assert not np.array_equal(scene(films, 3), scene(others, 3))
    assert films.stored(3).read() != others.stored(3).read()


def test_half_of_the_clips_are_mirrored_and_none_is_moved(folder: Path, console) -> None:
    config = FilmConfig(f"moving:{folder}", frame_size=32, limit_train=4)
    mirrored = 0
    both = open_films(config, console).train, open_films(replace(config, flip=False), console).train
    for number in range(40):
        clip, plain = (clips[SampleKey(0, number, number % 4)] for clips in both)
        if not torch.equal(clip, plain):
            mirrored += 1
            assert torch.equal(clip, plain.flip(3))
    assert 10 < mirrored < 30


def test_it_moves_as_far_as_a_film_does_and_no_further(folder: Path) -> None:
    """Neighbouring frames are alike and not the same; frames a second apart are not alike."""
    films = open_moving(str(folder)).open_train()
    for number in range(6):
        frames = scene(films, number)
        near, far = np.abs(frames[1] - frames[0]).mean(), np.abs(frames[RATE] - frames[0]).mean()
        assert 0.1 < near < 0.5 * far


def test_beyond_its_edge_a_picture_goes_on(tmp_path: Path) -> None:
    """However far the camera goes, nothing comes in that the pictures do not have."""
    for number in range(6):
        Image.new("RGB", (130, 100), (100, 150, 20 * number)).save(tmp_path / f"{number}.png")
    films = open_moving(str(tmp_path)).open_train()
    for number in range(8):
        red, green, _ = np.moveaxis(scene(films, number), -1, 0)
        assert {*red.flat} == {100}
        assert {*green.flat} == {150}


def test_frames_at_any_rate(folder: Path) -> None:
    films = open_moving(str(folder)).open_train()
    at = films.frames(3, Sampling(RATE / 2, SIDE), 2, 3)
    assert np.array_equal(at, scene(films, 3)[4:9:2])
    assert films.head(0).frames(RATE) == RATE * SECONDS


def test_errors_are_sentences(tmp_path: Path, console) -> None:
    with pytest.raises(DataError, match="nowhere"):
        open_films(FilmConfig("moving:nowhere"), console)
    with pytest.raises(DataError, match=str(SIDE)):
        open_films(FilmConfig("moving:photographs", frame_size=128), console)


def test_pictures_do_not_move() -> None:
    with pytest.raises(DataError, match=r"are films, .*: name the pictures themselves, as photographs"):
        open_source(DataConfig("moving:photographs"))
