"""Folders: how they are split, what is left out and why, and what the record says of it."""

import dataclasses
import json
import os
from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks.data import (
    DataConfig,
    DataError,
    centre_crop,
    open_data,
    open_evaluation_data,
    opening,
    test_batches,
    to_tensor,
    training_batches,
)


def config(folder: Path, **fields) -> DataConfig:
    return DataConfig(source=str(folder), image_size=32, **fields)


def names(pictures) -> list[str]:
    return [pictures.name(index) for index in range(len(pictures))]


def test_every_fifth_file_is_test(folder: Path) -> None:
    data = open_data(config(folder))
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    assert names(data.test.pictures) == files[::5]
    assert sorted(names(data.test.pictures) + names(data.train.decoder.pictures)) == files
    assert "index % 5 == 0" in data.record["split"]


@pytest.mark.parametrize("test_folder", ["val", "validation", "test"])
def test_subfolders_are_the_split(tmp_path: Path, noise, test_folder: str) -> None:
    for place in ("train/a", "train/b/c", test_folder, "elsewhere"):
        (tmp_path / place).mkdir(parents=True)
        noise().save(tmp_path / place / "picture.PNG")
    data = open_data(config(tmp_path))
    assert names(data.train.decoder.pictures) == ["train/a/picture.PNG", "train/b/c/picture.PNG"]
    assert names(data.test.pictures) == [f"{test_folder}/picture.PNG"]
    assert data.record["split"] == f"train/ trains, {test_folder}/ tests"


@pytest.mark.parametrize("name", ["pictures", "a:b", "torchvision:", "huggingface", "other:set", "photographs:2"])
def test_all_pictures_of_a_folder_are_measured_whatever_its_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    data = open_evaluation_data(config(Path(name)))
    files = sorted(path.relative_to(name).as_posix() for path in Path(name).rglob("*.*"))
    assert names(data.test.pictures) == files
    assert data.words.endswith(": 12 pictures, all")
    assert data.record["split"] == "all pictures"
    for part, expected in (("all", files), ("test", files[::5]), ("train", [f for f in files if f not in files[::5]])):
        taken = open_evaluation_data(config(Path(name)), part)
        assert names(taken.test.pictures) == expected
        assert taken.record.get("part") == (None if part == "all" else part)
    assert "9 pictures, those that train (every fifth" in taken.words


def test_parts_of_a_folder_with_a_split(tmp_path: Path, noise) -> None:
    for place in ("train/a", "train/b", "val/a", "elsewhere"):
        (tmp_path / place).mkdir(parents=True)
        noise().save(tmp_path / place / "picture.png")
    train, test = ["train/a/picture.png", "train/b/picture.png"], ["val/a/picture.png"]
    for part, expected in ((None, test), ("test", test), ("train", train), ("all", train + test)):
        data = open_evaluation_data(config(tmp_path), part)
        assert names(data.test.pictures) == expected
        assert [data.test[index].shape for index in range(len(expected))] == [(3, 32, 32)] * len(expected)
        assert data.record.get("part") == (part if part in ("train", "all") else None)
        assert f": {len(expected)} pictures, " in data.words


def test_pictures_to_test_on_alone_can_be_measured(tmp_path: Path, noise) -> None:
    for place in ("train", "val"):
        (tmp_path / place).mkdir()
    noise().save(tmp_path / "val" / "picture.png")
    assert names(open_evaluation_data(config(tmp_path)).test.pictures) == ["val/picture.png"]
    with pytest.raises(DataError, match=r"no pictures in .*train"):
        open_data(config(tmp_path))
    with pytest.raises(DataError, match=r"no pictures in .*train"):
        open_evaluation_data(config(tmp_path), "all")
    (alone,) = open_evaluation_data(config(tmp_path / "val")).test
    assert alone.shape == (3, 32, 32)


def test_test_pictures_are_the_protocols_crops(folder: Path) -> None:
    data = open_data(config(folder))
    for index, name in enumerate(names(data.test.pictures)):
        with Image.open(folder / name) as picture:
            assert torch.equal(data.test[index], to_tensor(centre_crop(picture.convert("RGB"), 32)))


def test_bad_files_are_named_skipped_and_counted(folder: Path, console) -> None:
    good = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*"))
    whole = (folder / good[1]).read_bytes()
    bad = {
        "class0/00a-empty.jpg": (b"", "the file is empty"),
        "class0/00b-text.png": (b"no picture at all", "no picture in a known format"),
        "class0/01a-cut.jpg": (whole[: len(whole) // 2], "truncated"),
    }
    for name, (content, _) in bad.items():
        (folder / name).write_bytes(content)
    Image.new("RGB", (200, 31)).save(folder / "class2/tiny.png")
    (folder / "class2/broken-link.png").symlink_to(folder / "nowhere.png")
    data = open_data(config(folder), console)
    skipped = {**data.record["train"]["skipped"], **data.record["test"]["skipped"]}
    reasons = {name: reason for name, (_, reason) in bad.items()}
    reasons["class2/tiny.png"] = "200 × 31 px, the short side is under 32"
    reasons["class2/broken-link.png"] = "No such file"
    assert skipped.keys() == reasons.keys()
    shown = console.file.getvalue()
    assert "left out 5 unusable pictures" in shown
    for name, reason in reasons.items():
        assert reason.lower() in skipped[name].lower()
        assert name in shown
    assert data.train.decoded is not None
    used = [data.train.decoder.pictures.name(index) for index in data.train.decoded]
    assert sorted(used + names(data.test.pictures)) == good
    assert data.record["train"]["pictures"] + data.record["test"]["pictures"] == len(good)
    assert str(folder.parent) not in json.dumps({**data.record, "source": ""})


def test_other_files_and_hidden_ones_are_no_pictures(folder: Path, noise) -> None:
    before = open_data(config(folder)).record
    (folder / "README.md").write_text("about these pictures")
    (folder / "labels.csv").write_text("a,b")
    (folder / ".hidden.png").write_bytes(b"")
    (folder / ".thumbnails").mkdir()
    noise().save(folder / ".thumbnails" / "x.png")
    assert open_data(config(folder)).record["fingerprint"] == before["fingerprint"]
    assert open_data(config(folder)).record["train"] == before["train"]


def test_links_are_followed_but_not_in_circles(folder: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "pictures").symlink_to(folder, target_is_directory=True)
    (folder / "class0" / "circle").symlink_to(folder, target_is_directory=True)
    data = open_data(config(linked))
    assert data.record["train"]["pictures"] + data.record["test"]["pictures"] == 12


def test_large_jpegs_decoded_small_are_close_to_the_whole(tmp_path: Path, noise) -> None:
    """Training may decode a JPEG at a fraction of its size; what it shows stays the same."""
    for number in range(2):
        noise(800, 640, seed=number).save(tmp_path / f"{number}.png")
        noise(800, 640, seed=number).save(tmp_path / f"{number}.jpg", quality=95)
    data = open_data(config(tmp_path, min_crop=1, flip=False))  # in order: 0.jpg (test), 0.png, 1.jpg, 1.png
    assert data.train.decoded is not None
    assert {min(decoded.picture.size) for decoded in data.train.decoded.values()} == {64}
    batch = next(training_batches(data, 3, seed=0, start_step=0, steps=1)).float()
    keys = data.train.decoded[1], data.train.decoded[2]
    difference = [torch.tensor(list(key.picture.resize((8, 8)).tobytes())).float() for key in keys]
    assert (difference[0] - difference[1]).abs().mean() < 2
    assert batch.shape == (3, 3, 32, 32)


def test_limits_are_taken_evenly(folder: Path) -> None:
    data = open_data(config(folder, limit_train=3, limit_test=2))
    everything = open_data(config(folder))
    assert names(data.train.decoder.pictures) == names(everything.train.decoder.pictures)[::3]
    assert names(data.test.pictures) == [names(everything.test.pictures)[index] for index in (0, 1)]
    assert ": 3 pictures to train on, 2 to test on (every fifth" in data.words
    assert open_evaluation_data(config(folder, limit_test=4)).words.endswith(": 4 of 12 pictures, all")


def test_what_does_not_fit_into_memory_is_decoded_on_the_way_and_gives_the_same(folder, monkeypatch) -> None:
    broken = sorted(folder.rglob("*.*"))[3]
    broken.write_bytes(broken.read_bytes()[:-200])  # its head is whole: found out only where it is decoded
    in_memory = open_data(config(folder, workers=0))
    assert in_memory.record["train"]["pictures"] == 8
    monkeypatch.setattr(opening, "memory_budget", lambda: 0)
    streamed = open_data(config(folder, workers=0))
    assert in_memory.train.decoded is not None
    assert in_memory.test.crops is not None
    assert streamed.train.decoded is None
    assert streamed.test.crops is None
    assert streamed.record["fingerprint"] == in_memory.record["fingerprint"]
    assert streamed.record["train"]["bytes_in_memory"] == streamed.record["test"]["bytes_in_memory"] == 0
    arguments = {"batch_size": 8, "seed": 3, "start_step": 0, "steps": 4}
    for one, other in zip(
        training_batches(in_memory, **arguments), training_batches(streamed, **arguments), strict=True
    ):
        assert torch.equal(one, other)
    for (_, one), (_, other) in zip(test_batches(in_memory, 2), test_batches(streamed, 2), strict=True):
        assert torch.equal(one, other)


def test_a_streamed_file_that_breaks_does_not_end_the_run(folder, monkeypatch, caplog) -> None:
    monkeypatch.setattr(opening, "memory_budget", lambda: 0)
    data = open_data(config(folder, workers=0))
    lost = data.train.decoder.pictures.name(2)
    os.remove(folder / lost)
    batches = list(training_batches(data, len(data.train), seed=0, start_step=0, steps=1))
    assert batches[0].shape[0] == len(data.train)
    assert f"{lost} cannot be used (No such file or directory)" in caplog.text


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "no pictures in "),
        (["a.png"], "only one picture: at least one is needed to train on and one to test on"),
        (["train/a.png", "val/README.md"], "no pictures in .*val"),
        (["train/README.md", "val/a.png"], "no pictures in .*train"),
    ],
)
def test_too_few_pictures(tmp_path: Path, noise, files: list[str], message: str) -> None:
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        noise().save(path) if path.suffix == ".png" else path.write_text("text")
    with pytest.raises(DataError, match=message):
        open_data(config(tmp_path))


def test_all_pictures_bad(tmp_path: Path, console) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"junk")
    with pytest.raises(DataError, match=r"none of 1 pictures can be used: 0.jpg: no picture in a known format"):
        open_data(config(tmp_path), console)


def test_too_large_an_image_size(folder: Path) -> None:
    with pytest.raises(DataError, match=r"none of 3 pictures .* px, the short side is under 512"):
        open_data(dataclasses.replace(config(folder), image_size=512))


def test_missing_folder_and_file_for_a_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'there is no folder .*nowhere: the data source is "photographs"'):
        open_data(config(tmp_path / "nowhere"))
    (tmp_path / "file.txt").write_text("")
    with pytest.raises(DataError, match=r"file\.txt is a file: name the folder"):
        open_data(config(tmp_path / "file.txt"))


@pytest.mark.parametrize(
    "fields",
    [
        {"image_size": 0},
        {"min_crop": 0.0},
        {"min_crop": 1.1},
        {"workers": -1},
        {"limit_train": 0},
        {"limit_test": -3},
    ],
)
def test_impossible_settings(fields: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        DataConfig(**fields)


def test_record_is_json(folder: Path) -> None:
    record = open_data(config(folder)).record
    assert json.loads(json.dumps(record)) == record
