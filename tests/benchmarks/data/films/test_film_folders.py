"""Folders of films: what trains and tests, what is left out, what records say, and which clips a seed gives."""

from pathlib import Path

import numpy as np
import pytest
import torch
from film_files import frame_of, grey_film, number_in, write_film

from benchmarks.data import items_to_test, training_batches
from benchmarks.data.config import DataError
from benchmarks.data.films import FilmConfig, open_films, open_test_films, opening
from benchmarks.data.films.datasets import clip_starts, square_of
from benchmarks.data.sampling import SampleKey


def config(folder: Path, **fields) -> FilmConfig:
    given = {"frame_size": 48, "clip_frames": 8, "workers": 0, **fields}
    return FilmConfig(source=str(folder), **given)


def names(films) -> list[str]:
    return [Path(films.name(number)).stem for number in range(len(films))]


def numbers_of(clip: torch.Tensor) -> list[int]:
    return [number_in(frame) for frame in clip.movedim(0, -1).numpy()]


def test_every_fifth_by_path_tests(made: Path, console) -> None:
    data = open_films(config(made), console)
    assert names(data.test.films) == ["00", "05"]
    assert names(data.train.films) == ["01", "02", "03", "04", "06"]
    assert data.record["split"].startswith("every fifth film by relative path")
    assert data.record["test"]["clips"] == len(data.test) == 24 // 8 + 44 // 8
    assert "5 films to train on, 8 clips of 2 to test on" in data.words


def test_train_and_test_folders_are_taken(folder: Path, console) -> None:
    for old, new in (("place0", "train"), ("place1", "test"), ("place2", "val")):
        (folder / old).rename(folder / new)
    assert names(open_films(config(folder), console).test.films) == ["06"]
    chosen = open_films(config(f"{folder}#train,test"), console)
    assert names(chosen.test.films) == ["03", "04", "05"]
    assert names(open_test_films(config(folder), "all", console).test.films) == ["00", "01", "02", "06"]
    assert open_test_films(config(folder), "train", console).record["part"] == "train"


def test_a_folder_that_comes_unsplit_is_measured_whole(made: Path, console) -> None:
    assert len(open_test_films(config(made), console=console).test.films) == 7


def test_test_clips_follow_each_other_and_share_no_frame(made: Path, console) -> None:
    test = open_films(config(made), console).test
    assert [numbers_of(clip) for _, clip in items_to_test(open_test_films(config(made), "test", console))][:3] == [
        list(range(start, start + 8)) for start in (0, 8, 16)
    ]
    assert test[0].shape == (3, 8, 48, 48)
    assert test[0].dtype == torch.uint8
    assert Path(test.name(1)).name == "00.mp4 at 0.67 s"


@pytest.mark.parametrize(
    ("count", "each", "starts"),
    [(8, 4, [0]), (40, 9, [0, 8, 16, 24, 32]), (47, 2, [0, 16]), (80, 4, [0, 16, 40, 56]), (80, 1, [0])],
)
def test_of_a_long_film_clips_are_evenly_spaced(count: int, each: int, starts: list[int]) -> None:
    assert clip_starts(count, FilmConfig(clip_frames=8, clips_each=each)) == starts


def test_squares() -> None:
    frames = torch.arange(7, dtype=torch.uint8).expand(3, 2, 4, 7)
    assert square_of(frames, 0.5)[0, 0, 0].tolist() == [1, 2, 3, 4]
    assert [square_of(frames, place)[0, 0, 0, 0].item() for place in (0, 0.24, 0.26, 0.75, 0.999)] == [0, 0, 1, 3, 3]
    assert torch.equal(square_of(frames.transpose(2, 3), 0.3), square_of(frames, 0.3).transpose(2, 3))


def test_what_cannot_be_used_is_left_out_by_name(folder: Path, console) -> None:
    bad = folder / "bad"
    grey_film(bad / "short.mp4", 7)
    grey_film(bad / "small.mp4", 24, height=32)
    hdr = [frame_of([np.full((48, 64), 400)] * 3, "yuv420p10le", "bt2020") for _ in range(20)]
    for frame in hdr:
        frame.color_trc = 16
    write_film(bad / "hdr.mp4", hdr)
    (bad / "empty.mp4").write_bytes(b"")
    (bad / "text.mkv").write_text("no film", encoding="utf-8")
    data = (folder / "place0" / "00.mp4").read_bytes()
    (bad / "cut.mp4").write_bytes(data[: len(data) // 2])
    found = open_films(config(folder), console)
    left_out = {**found.record["train"]["skipped"], **found.record["test"]["skipped"]}
    expected = ("short.mp4", "small.mp4", "hdr.mp4", "empty.mp4", "text.mkv", "cut.mp4")
    assert set(left_out) == {f"bad/{name}" for name in expected}
    assert left_out["bad/short.mp4"] == "0.583 s long, under the 0.667 s of a clip"
    assert "the short side is under 48" in left_out["bad/small.mp4"]
    assert all(name in console.file.getvalue() for name in left_out)
    assert str(folder) not in " ".join(left_out.values())
    assert len(found.train.films) + len(found.test.films) == 7


def test_a_lower_rate_is_named_and_used(made: Path, console) -> None:
    found = open_films(config(made, frames_per_second=24), console)
    said = {**found.record["train"]["remarks"], **found.record["test"]["remarks"]}
    assert len(said) == 7
    assert said["place0/00.mp4"] == "12 frames per second: frames stand for longer"
    assert numbers_of(found.test[0]) == [0, 0, 1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("make", ["missing", "empty", "file", "one", "unreadable", "scheme"])
def test_a_bad_source_is_one_sentence(tmp_path: Path, make: str, console) -> None:
    source = tmp_path / "here"
    if make != "missing":
        source.mkdir()
    if make in ("one", "file"):
        grey_film(source / "a.mp4", 9)
    if make == "unreadable":
        for number in range(3):
            (source / f"{number}.mp4").write_text("no")
    name = {"file": str(source / "a.mp4"), "scheme": "torchvision:films"}.get(make, str(source))
    words = {
        "missing": "there is no folder .*MP4",
        "empty": "no films in",
        "file": "is a file: name the folder that holds the films",
        "one": "only one film",
        "unreadable": "none of . films can be used",
        "scheme": "no source of films",
    }
    with pytest.raises(DataError, match=words[make]):
        open_films(FilmConfig(source=name, frame_size=48, clip_frames=8), console)


def clips(data, rank: int = 0, world_size: int = 1, start: int = 0, steps: int = 4) -> torch.Tensor:
    return torch.stack(list(training_batches(data, 4, 3, start, steps, rank, world_size)))


def test_clips_depend_on_seed_and_number_alone(made: Path, console, monkeypatch) -> None:
    data = open_films(config(made), console)
    whole = clips(data)
    assert whole.shape == (4, 4, 3, 8, 48, 48)
    assert len(whole.flatten(0, 1).flatten(1).unique(dim=0)) > 10
    halves = [clips(data, rank, 2) for rank in (0, 1)]
    assert torch.equal(torch.cat(halves, 1), whole)
    assert torch.equal(clips(data, start=2, steps=2), whole[2:])
    monkeypatch.setattr(opening, "memory_budget", lambda: 0)
    from_files = open_films(config(made), console)
    assert from_files.train.decoded is None
    assert from_files.test.clips is None
    assert torch.equal(clips(from_files), whole)
    assert all(torch.equal(from_files.test[number], data.test[number]) for number in range(len(data.test)))
    assert from_files.record["fingerprint"] == data.record["fingerprint"]


def test_clips_are_parts_of_their_films_and_reach_both_ends(tmp_path: Path, console) -> None:
    for name in ("train/a.mp4", "test/b.mp4"):
        grey_film(tmp_path / name, 20)
    train = open_films(config(tmp_path), console).train
    starts = []
    for number in range(200):
        found = numbers_of(train[SampleKey(0, number, 0)])
        assert found == list(range(found[0], found[0] + 8))
        starts.append(found[0])
    assert set(starts) == set(range(13))
    assert 5 < np.mean(starts) < 7


def test_parts_of_ranks_hold_every_clip_once(made: Path, console) -> None:
    data = open_test_films(config(made), console=console)
    for world_size in (1, 2, 5):
        parts = [[place for place, _ in items_to_test(data, rank, world_size)] for rank in range(world_size)]
        assert [place for part in parts for place in part] == list(range(len(data.test)))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_fingerprint_is_of_names_bytes_and_settings(folder: Path, console) -> None:
    first = open_films(config(folder), console).record
    moved = folder.rename(folder.parent / "moved elsewhere")
    assert open_films(config(moved), console).record["fingerprint"] == first["fingerprint"]
    for fields in ({"frame_size": 32}, {"frames_per_second": 6}, {"clip_frames": 5}, {"clips_each": 1}):
        assert open_films(config(moved, **fields), console).record["fingerprint"] != first["fingerprint"], fields
    frames = [frame_of([np.full((48, 64), 90 + n), *np.full((2, 48, 64), 128)], "yuv420p") for n in range(28)]
    write_film(moved / "place0" / "01.mkv", frames)
    other = open_films(config(moved), console).record
    assert other["fingerprint"] == first["fingerprint"]  # as long as before
    assert other["train"]["content"] != first["train"]["content"]
    write_film(moved / "place0" / "00.mp4", frames[:24])
    assert open_films(config(moved), console).record["fingerprint"] != first["fingerprint"]


def test_a_file_that_breaks_later_gives_way_to_the_next(folder: Path, console, monkeypatch) -> None:
    monkeypatch.setattr(opening, "memory_budget", lambda: 0)
    train = open_films(config(folder), console).train
    (folder / train.films.name(2)).write_bytes(b"")
    key = SampleKey(0, 7, 2)
    assert torch.equal(train[key], train[key._replace(item=3)])


def test_limits_are_taken_evenly(made: Path, console) -> None:
    data = open_films(config(made, limit_train=2, limit_test=1), console)
    assert names(data.train.films) == ["01", "03"]
    assert len(data.test.films) == 1


@pytest.mark.parametrize("bad", [{"frames_per_second": 0}, {"clip_frames": 0}, {"frame_size": 0}, {"clips_each": 0}])
def test_settings_that_cannot_work_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        FilmConfig(**bad)
