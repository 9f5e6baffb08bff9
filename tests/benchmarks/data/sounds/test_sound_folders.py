"""Folders of sounds: what trains and tests, what is left out, what records say, and which crops a seed gives."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from benchmarks.data import items_to_test, training_batches
from benchmarks.data.config import DataError
from benchmarks.data.sampling import SampleKey
from benchmarks.data.sounds import SoundConfig, open_sounds, open_test_sounds, opening
from benchmarks.data.sounds.reading import read_sound


def config(folder: Path, **fields) -> SoundConfig:
    return SoundConfig(source=str(folder), **{"crop_samples": 4000, "workers": 0, **fields})


def names(sounds) -> list[str]:
    return [sounds.name(number) for number in range(len(sounds))]


def test_every_fifth_by_path_tests(folder: Path, console) -> None:
    data = open_sounds(config(folder), console)
    assert [Path(name).stem for name in names(data.test)] == ["00", "05", "10"]
    assert len(data.train) == 9
    assert not set(names(data.test)) & set(names(data.train.sounds))
    assert data.record["split"].startswith("every fifth sound by relative path")


def test_train_and_test_folders_are_taken_and_others_named(folder: Path, console) -> None:
    for old, new in (("speaker0", "train"), ("speaker1", "test"), ("speaker2", "val")):
        (folder / old).rename(folder / new)
    data = open_sounds(config(folder), console)
    assert {name.split("/")[0] for name in names(data.test)} == {"val"}
    assert "not taken: test/" in data.words
    chosen = open_sounds(config(f"{folder}#train,test"), console)
    assert {name.split("/")[0] for name in names(chosen.test)} == {"test"}
    assert len(open_test_sounds(config(folder), console=console).test) == 4
    assert len(open_test_sounds(config(folder), "all", console).test) == 8
    assert open_test_sounds(config(folder), "train", console).record["part"] == "train"


def test_a_folder_that_comes_unsplit_is_measured_whole(folder: Path, console) -> None:
    assert len(open_test_sounds(config(folder), console=console).test) == 12


def test_test_sounds_are_whole_or_their_begin(folder: Path, console) -> None:
    whole, begin = (open_sounds(config(folder, test_seconds=seconds), console).test for seconds in (None, 0.6))
    assert [sound.shape[1] for sound in (whole[0], whole[1])] == [8000, 16_000]
    for number in range(3):
        assert begin[number].shape[1] == min(whole[number].shape[1], 9600)
        torch.testing.assert_close(begin[number], whole[number][:, :9600], rtol=0, atol=0)


def test_what_cannot_be_used_is_left_out_by_name(folder: Path, tone, console) -> None:
    bad = folder / "bad"
    bad.mkdir()
    soundfile.write(bad / "nan.wav", np.full(9000, np.nan), 16_000, subtype="FLOAT")
    soundfile.write(bad / "six.wav", np.zeros((9000, 6)), 16_000)
    soundfile.write(bad / "short.wav", tone(0.2), 16_000)
    (bad / "empty.wav").write_bytes(b"")
    (bad / "text.mp3").write_text("no sound", encoding="utf-8")
    data = (folder / "speaker0" / "01.flac").read_bytes()
    (bad / "cut.flac").write_bytes(data[: len(data) // 2])
    found = open_sounds(config(folder, limit_test=None), console)
    left_out = {**found.record["train"]["skipped"], **found.record["test"]["skipped"]}
    tested = {
        name
        for number, name in enumerate(sorted(p.relative_to(folder).as_posix() for p in _files(folder)))
        if number % 5 == 0
    }
    expected = {f"bad/{name}" for name in ("nan.wav", "six.wav", "empty.wav", "text.mp3", "cut.flac", "short.wav")}
    assert set(left_out) == expected - (tested & {"bad/short.wav"})  # a short one can be tested on
    assert left_out["bad/empty.wav"] == "the file is empty"
    assert "6 channels" in left_out["bad/six.wav"]
    text = console.file.getvalue()
    assert all(name in text for name in left_out)
    assert str(folder) not in " ".join(left_out.values())
    assert len(found.train) + len(found.test) == 18 - len(left_out)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.*") if path.is_file()]


def test_remarks_are_named_and_used(folder: Path, tone, console) -> None:
    soundfile.write(folder / "silent.wav", np.zeros(9000), 16_000)
    soundfile.write(folder / "loud.wav", tone(peak=1.5), 16_000, subtype="FLOAT")
    found = open_sounds(config(folder), console)
    said = {**found.record["train"]["remarks"], **found.record["test"]["remarks"]}
    assert said == {"silent.wav": "silent", "loud.wav": "beyond ±1, clamped (peak 1.5)"}
    assert "silent.wav: silent" in console.file.getvalue()
    assert found.record["train"]["skipped"] == found.record["test"]["skipped"] == {}


@pytest.mark.parametrize("make", ["missing", "empty", "file", "one", "unreadable", "scheme"])
def test_a_bad_source_is_one_sentence(tmp_path: Path, make: str, tone, console) -> None:
    source = tmp_path / "here"
    if make != "missing":
        source.mkdir()
    if make in ("one", "file"):
        soundfile.write(source / "a.wav", tone(), 16_000)
    if make == "unreadable":
        for number in range(3):
            (source / f"{number}.wav").write_text("no")
    name = {"file": str(source / "a.wav"), "scheme": "torchvision:speech"}.get(make, str(source))
    words = {
        "missing": "there is no folder .*WAV",
        "empty": "no sounds in",
        "file": "is a file: name the folder that holds the sounds",
        "one": "only one sound",
        "unreadable": "none of . sounds can be used",
        "scheme": "no source of sounds",
    }
    with pytest.raises(DataError, match=words[make]):
        open_sounds(config(Path(name)) if make != "scheme" else SoundConfig(source=name), console)


def crops(data, rank: int = 0, world_size: int = 1, start: int = 0, steps: int = 5) -> torch.Tensor:
    return torch.stack(list(training_batches(data, 6, 3, start, steps, rank, world_size)))


def test_crops_depend_on_seed_and_number_alone(folder: Path, console, monkeypatch) -> None:
    data = open_sounds(config(folder), console)
    whole = crops(data)
    assert whole.shape == (5, 6, 1, 4000)
    assert len(whole.flatten(0, 2).unique(dim=0)) > 25
    halves = [crops(data, rank, 2) for rank in (0, 1)]
    torch.testing.assert_close(torch.cat(halves, 1), whole, rtol=0, atol=0)
    torch.testing.assert_close(crops(data, start=2, steps=3), whole[2:], rtol=0, atol=0)
    workers = open_sounds(config(folder, workers=2), console)
    torch.testing.assert_close(crops(workers), whole, rtol=0, atol=0)
    monkeypatch.setattr(opening, "memory_budget", lambda: 0)
    from_files = open_sounds(config(folder), console)
    assert from_files.train.decoded is None
    torch.testing.assert_close(crops(from_files), whole, rtol=0, atol=0)
    assert from_files.record["fingerprint"] == data.record["fingerprint"]


def test_crops_are_parts_of_their_sounds_and_reach_both_ends(tmp_path: Path, console) -> None:
    ramp = np.arange(9000) / 32_768  # each sample tells where it stands
    for name in ("train/a.wav", "test/b.wav"):
        (tmp_path / name).parent.mkdir()
        soundfile.write(tmp_path / name, ramp, 16_000, subtype="FLOAT")
    train = open_sounds(config(tmp_path), console).train
    starts = []
    for number in range(300):
        crop = train[SampleKey(0, number, 0)][0] * 32_768
        torch.testing.assert_close(crop, crop[0] + torch.arange(4000.0))
        starts.append(int(crop[0]))
    assert min(starts) < 100
    assert max(starts) > 4900
    assert 2200 < np.mean(starts) < 2800


def test_parts_of_ranks_hold_every_test_sound_once(folder: Path, console) -> None:
    data = open_test_sounds(config(folder), console=console)
    for world_size in (1, 2, 5):
        parts = [[place for place, _ in items_to_test(data, rank, world_size)] for rank in range(world_size)]
        assert [place for part in parts for place in part] == list(range(12))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_fingerprint_is_of_names_bytes_and_settings(folder: Path, console) -> None:
    first = open_sounds(config(folder), console).record
    moved = folder.rename(folder.parent / "moved elsewhere")
    assert open_sounds(config(moved), console).record["fingerprint"] == first["fingerprint"]
    for fields in ({"sample_rate": 8000}, {"channels": 2}, {"test_seconds": 0.3}, {"limit_test": 2}):
        assert open_sounds(config(moved, **fields), console).record["fingerprint"] != first["fingerprint"], fields
    trained = moved / "speaker0" / "01.flac"
    samples = read_sound(trained).samples.T
    soundfile.write(trained, 0.5 * samples, 16_000)
    other = open_sounds(config(moved), console).record
    assert other["fingerprint"] == first["fingerprint"]  # as long as before
    assert other["train"]["content"] != first["train"]["content"]
    soundfile.write(moved / "speaker0" / "00.wav", 0.5 * tone_of(moved / "speaker0" / "00.wav"), 16_000)
    assert open_sounds(config(moved), console).record["fingerprint"] != first["fingerprint"]


def tone_of(path: Path) -> np.ndarray:
    return read_sound(path).samples.T


def test_a_file_that_breaks_later_gives_way_to_the_next(folder: Path, console, monkeypatch) -> None:
    monkeypatch.setattr(opening, "memory_budget", lambda: 0)
    train = open_sounds(config(folder), console).train
    (folder / train.sounds.name(2)).write_bytes(b"")
    key = SampleKey(0, 7, 2)
    following = train[key._replace(item=3)]
    torch.testing.assert_close(train[key], following, rtol=0, atol=0)


def test_limits_are_taken_evenly(folder: Path, console) -> None:
    data = open_sounds(config(folder, limit_train=3, limit_test=2), console)
    assert (len(data.train), len(data.test)) == (3, 2)
    assert replace(data.train.config, limit_train=None) == config(folder, limit_test=2)


def test_settings_that_cannot_work_are_refused() -> None:
    for bad in ({"channels": 3}, {"sample_rate": 10}, {"crop_samples": 0}, {"test_seconds": float("nan")}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            SoundConfig(**bad)
