"""Tar files as data: packed folders and shards, their splits and classes, and the patterns that name them."""

import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from packed import pack, png
from PIL import Image

from benchmarks.data import DataConfig, DataError, open_data, open_evaluation_data, opening, training_batches
from benchmarks.data.sources import open_source

Noise = Callable[..., Image.Image]


def config(source: Path | str, **fields) -> DataConfig:
    return DataConfig(source=str(source), image_size=32, **fields)


def names(pictures) -> list[str]:
    return [pictures.name(index) for index in range(len(pictures))]


@pytest.fixture
def shards(tmp_path: Path, noise: Noise) -> Path:
    """Three WebDataset shards of four samples each, whose classes are 0 to 11 but for 3."""
    for shard in range(3):
        members: dict[str, bytes | tarfile.TarInfo] = {}
        for number in range(4 * shard, 4 * shard + 4):
            members[f"{number:04}.json"] = b"{}"
            members[f"{number:04}.png"] = png(noise(seed=number))
            members[f"{number:04}.cls"] = f"{2 if number == 3 else number}\n".encode()
        pack(tmp_path / "shards" / f"set-{shard:03}.tar", members)
    return tmp_path / "shards"


@pytest.mark.parametrize("packing", [".", "class0 class1 class2"])
@pytest.mark.parametrize("split", [False, True])
def test_a_packed_folder_is_the_folder(folder: Path, tmp_path: Path, packing: str, split: bool) -> None:
    """The same record, so that a run on one is done already on the other: names, split, classes, bytes."""
    if split:
        for part, kind in (("val", "class0"), ("train", "class1")):
            (folder / part).mkdir()
            (folder / kind).rename(folder / part / kind)
            packing = packing.replace(kind, part)
    tar = tmp_path / "pictures.tar"
    subprocess.run(["tar", "cf", tar, "-C", folder, *packing.split()], check=True)
    loose, packed = open_data(config(folder)).record, open_data(config(tar)).record
    assert loose.pop("source") != packed.pop("source")
    assert loose == packed
    classes = open_source(config(tar)).class_names()
    assert classes == open_source(config(folder)).class_names() == ("class0", "class1", "class2")[: 2 if split else 3]
    for part in ("train", "test", "all"):
        one, other = (open_evaluation_data(config(source), part).record for source in (folder, tar))
        assert one["fingerprint"] == other["fingerprint"]


def test_shards_by_pattern_and_folder_are_the_same(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shards.parent)
    sources = ["shards", "shards/set-{000..002}.tar", "shards/set-*.tar", str(shards / "set-{00[01],002}.tar")]
    records = [open_data(config(source)).record for source in sources]
    assert len({record["fingerprint"] for record in records}) == 1
    assert len({record["train"]["content"] for record in records}) == 1
    assert [record["name"] for record in records] == ["shards", "set-000..002", "set", "set-00-01-002"]
    everything = open_source(config(sources[1])).part("all")
    assert names(everything) == [f"set-{n // 4:03}.tar/{n:04}.png" for n in range(12)]
    assert open_evaluation_data(config("shards/set-{001..002}.tar")).words.endswith(": 8 pictures, all")


def test_any_picture_at_any_time_from_several_processes(
    shards: Path, noise: Noise, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = open_data(config(shards, workers=0))
    monkeypatch.setattr(opening, "memory_budget", lambda: 0)
    streamed = open_data(config(shards, workers=2))
    assert streamed.train.decoded is None
    arguments = {"batch_size": 6, "seed": 3, "start_step": 0, "steps": 4}
    for one, other in zip(
        training_batches(in_memory, **arguments), training_batches(streamed, **arguments), strict=True
    ):
        assert torch.equal(one, other)
    pictures = open_source(config(shards)).part("all")
    for number in (11, 0, 7, 7):
        with pictures.open(number) as picture:
            assert picture.tobytes() == noise(seed=number).tobytes()


def test_classes_of_shards_are_their_numbers(shards: Path) -> None:
    source = open_source(config(shards))
    assert source.class_names() == tuple(map(str, range(12)))  # also 3, which no picture is of
    everything = source.part("all")
    assert [everything.class_of(number) for number in range(12)] == [0, 1, 2, 2, 4, 5, 6, 7, 8, 9, 10, 11]


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ((b"tench", b" cock\n"), ("cock", "tench")),
        ((b"7", b"tench"), "some classes are numbers, as 7, and some are names, as tench"),
        ((b"7", b"4000000000"), "4000000000 is no number of a class"),
        ((b"7", b""), "1.png lies in no folder of its class"),
    ],
)
def test_classes_that_are_names_or_nothing(
    tmp_path: Path, noise: Noise, labels: tuple[bytes, ...], classes: tuple[str, ...] | str
) -> None:
    members: dict[str, bytes | tarfile.TarInfo] = {}
    for number, label in enumerate(labels):
        members |= {f"{number}.png": png(noise()), f"{number}.cls": label}
    source = open_source(config(pack(tmp_path / "a.tar", members)))
    if isinstance(classes, str):
        with pytest.raises(DataError, match=classes):
            source.class_names()
    else:
        assert source.class_names() == classes


@pytest.mark.parametrize(
    "place", ["set-{split}-{number}.tar", "{split}/{number}.tar", "a_{split}_{number}.tar", "deep/{split}.{number}.tar"]
)
def test_splits_of_shards_stand_in_their_names(tmp_path: Path, noise: Noise, place: str) -> None:
    for split in ("train", "validation", "test", "training"):
        for number in range(2):
            path = tmp_path / "set" / place.format(split=split, number=number)
            pack(path, {f"{number}.png": png(noise(seed=number)), "x/y.png": png(noise(seed=9))})
    data = open_data(config(tmp_path / "set"))
    assert data.record["split"] == "train/ trains, validation/ tests"
    assert data.words.endswith(
        "4 pictures to train on, 4 to test on (train/ trains, validation/ tests; not taken: test/)"
    )
    assert all("validation" in name for name in names(data.test.pictures))
    chosen = open_data(config(f"{tmp_path / 'set'}#training,test"))
    assert chosen.record["split"] == "training/ trains, test/ tests"
    assert chosen.record["name"] == "set-training-test"
    assert all("training" in name for name in names(chosen.train.decoder.pictures))
    pack(tmp_path / "set" / "train_more" / "0.tar", {"a.png": png(noise())})
    assert len(open_data(config(f"{tmp_path / 'set'}#train_more,test")).train) == 1
    with pytest.raises(DataError, match="has no split val, only train, validation, test: #TRAIN,TEST chooses two"):
        open_data(config(f"{tmp_path / 'set'}#train,val"))


def test_one_split_of_shards_is_divided(shards: Path, noise: Noise) -> None:
    for path in list(shards.iterdir()):
        path.rename(path.with_name(path.name.replace("set", "val")))
    assert "every fifth" in open_data(config(shards)).record["split"]
    pack(shards / "other.tar", {"a.png": png(noise())})
    assert len(open_evaluation_data(config(shards)).test) == 13
    assert len(open_evaluation_data(config(f"{shards}#val")).test) == 12


@pytest.mark.parametrize("mode", ["w:gz", "w:xz"])
def test_what_is_no_tar_file_is_said_in_a_sentence(tmp_path: Path, noise: Noise, mode: str) -> None:
    compressed = tmp_path / "pictures.tar.gz"
    with tarfile.open(compressed, mode) as tar:
        noise().save(tmp_path / "a.png")
        tar.add(tmp_path / "a.png", "a.png")
    with pytest.raises(DataError, match=r"no pictures in .*gz: .*one that is compressed has to be uncompressed"):
        open_data(config(compressed))
    for content in (b"", b"no tar file at all" * 100):
        (tmp_path / "wrong.tar").write_bytes(content)
        with pytest.raises(DataError, match=r"no pictures in .*wrong.tar: wrong.tar: no tar file that can be read"):
            open_data(config(tmp_path / "wrong.tar"))
    with pytest.raises(DataError, match=r"a\.png is a file: name the folder"):
        open_data(config(tmp_path / "a.png"))
    with pytest.raises(DataError, match=r"no pictures in .*texts.tar"):
        open_data(config(pack(tmp_path / "texts.tar", {"a.txt": b"a"})))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("set-{000..004}.tar", "there is no tar file set-003.tar, which set-{000..004}.tar names"),
        ("other-*.tar", r"there is no tar file other-\*\.tar$"),
        ("set-{0..9999999}.tar", "names more than 1,000,000 files"),
        ("other.tar", "there is no folder other.tar: the data source is "),
    ],
)
def test_patterns_of_nothing(shards: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, message: str) -> None:
    monkeypatch.chdir(shards)
    with pytest.raises(DataError, match=message):
        open_data(config(pattern))


def test_a_folder_with_pictures_and_tar_files_is_one_of_pictures(folder: Path, noise: Noise) -> None:
    before = open_data(config(folder)).record
    pack(folder / "more.tar", {"a.png": png(noise())})
    assert open_data(config(folder)).record == before


def test_signs_of_patterns_in_a_path_that_exists(shards: Path) -> None:
    odd = shards.rename(shards.with_name("a{b,c}*[d]#e,f"))
    assert len(open_evaluation_data(config(odd)).test) == 12
    assert len(open_evaluation_data(config(odd / "set-001.tar")).test) == 4
