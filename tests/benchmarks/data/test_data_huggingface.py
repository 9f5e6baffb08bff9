"""Hugging Face data sets, offline: by a stand-in for the hub, as files, as `save_to_disk` writes them, as shards."""

import io
import json
import sys
import tarfile
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from benchmarks.data import DataConfig, DataError, open_data, open_evaluation_data, opening, training_batches
from benchmarks.data.sources import open_source

datasets = pytest.importorskip("datasets")


class FakeRows(list):
    """As much of a Hugging Face data set as is used, in the place of one on the hub."""

    def __init__(self, rows, features) -> None:
        super().__init__(rows)
        self.features = features

    def select_columns(self, columns):
        return FakeRows([{column: row[column] for column in columns} for row in self], self.features)

    def cast_column(self, column, feature):
        assert feature.decode is False
        return self


@pytest.fixture
def fake_datasets(monkeypatch: pytest.MonkeyPatch, noise) -> types.ModuleType:
    def row(number: int) -> dict:
        buffer = io.BytesIO()
        noise(seed=number).save(buffer, "PNG")
        return {"label": number, "photo": {"bytes": buffer.getvalue(), "path": None}}

    class Picture:
        def __init__(self, decode: bool = True) -> None:
            self.decode = decode

    def load_dataset(name: str, cache_dir: str | None = None) -> dict:
        if name == "nobody/nothing":
            raise ConnectionError("the hub cannot be\nreached")
        features = {"label": "int", "photo": Picture()}
        known = {
            "two/splits": {"train": range(6), "validation": range(6, 9)},
            "test/alone": {"test": range(4)},
            "any/name": {"pictures": range(10)},
            "no/usual": {"fold1": range(2), "fold2": range(2)},
        }
        splits = known.get(name, {"train": range(10)})
        return {split: FakeRows([row(number) for number in numbers], features) for split, numbers in splits.items()}

    module = types.ModuleType("datasets")
    module.Image, module.load_dataset = Picture, load_dataset  # type: ignore[attr-defined]
    module.ClassLabel = type("ClassLabel", (), {})  # type: ignore[attr-defined]
    module.exceptions = datasets.exceptions  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", module)
    return module


@pytest.mark.usefixtures("fake_datasets")
@pytest.mark.parametrize("column", ["", ":photo"])
def test_huggingface_splits(column: str) -> None:
    data = open_data(DataConfig(source=f"huggingface:two/splits{column}"))
    assert data.record["split"] == "train trains, validation tests"
    assert data.record["name"] == f"huggingface-two-splits{column.replace(':', '-')}"
    assert (len(data.train), len(data.test)) == (6, 3)
    contents = {open_data(DataConfig(f"huggingface:{name}")).record["train"]["content"] for name in ("two/splits", "x")}
    assert contents > {data.record["train"]["content"]}
    assert data.test.pictures.name(2) == "validation[2]"


@pytest.mark.usefixtures("fake_datasets")
@pytest.mark.parametrize("name", ["one/split", "any/name"])
def test_huggingface_with_one_split(name: str) -> None:
    data = open_data(DataConfig(source=f"huggingface:{name}"))
    assert (len(data.train), len(data.test)) == (8, 2)
    whole = open_evaluation_data(DataConfig(source=f"huggingface:{name}"))
    assert len(whole.test) == 10
    assert whole.words.endswith(": 10 pictures, all")


@pytest.mark.usefixtures("fake_datasets")
def test_huggingface_with_a_test_split_alone() -> None:
    assert len(open_evaluation_data(DataConfig(source="huggingface:test/alone")).test) == 4
    with pytest.raises(DataError, match="'test/alone' has no split train, only test: #TRAIN,TEST"):
        open_data(DataConfig(source="huggingface:test/alone"))


@pytest.mark.usefixtures("fake_datasets")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nobody/nothing", "Hugging Face's 'nobody/nothing' could not be loaded: the hub cannot be reached"),
        ("no/usual", "'no/usual' has neither a train nor a test split, only fold1, fold2"),
        ("two/splits:label", "has no column label: its columns of pictures are photo, of all label, photo"),
    ],
)
def test_huggingface_errors(name: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_data(DataConfig(source=f"huggingface:{name}"))


def test_huggingface_package_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r'pip install "quantizer-zoo-benchmark\[huggingface\]"'):
        open_data(DataConfig(source="huggingface:cifar10"))


def test_huggingface_package_itself(tmp_path: Path, noise) -> None:
    """On parquet files as the hub has them."""
    for split, count in (("train", 5), ("test", 2)):
        paths = []
        for number in range(count):
            paths.append(str(tmp_path / f"{split}{number}.png"))
            noise(seed=number).save(paths[-1])
        features = datasets.Features({"label": datasets.Value("int64"), "image": datasets.Image()})
        rows = datasets.Dataset.from_dict({"label": [0] * count, "image": paths}, features=features)
        rows.to_parquet(str(tmp_path / "set" / f"{split}-00000-of-00001.parquet"))
    data = open_data(DataConfig(source=f"huggingface:{tmp_path / 'set'}", root=tmp_path / "cache"))
    assert (len(data.train), len(data.test)) == (5, 2)
    with Image.open(tmp_path / "test1.png") as picture:
        expected = picture.resize((38, 32), Image.Resampling.BICUBIC).crop((3, 0, 35, 32))
    assert torch.equal(
        data.test[1].permute(1, 2, 0).flatten(), torch.tensor(list(expected.tobytes()), dtype=torch.uint8)
    )


@pytest.fixture
def rows(tmp_path: Path, noise):
    """Makes a data set: how many pictures, their labels, whether these are of a ClassLabel."""

    def make(count: int, labels: list[int] | None = None, names: list[str] | None = None, first: int = 0) -> Any:
        paths = [tmp_path / "loose" / f"{first + number}.png" for number in range(count)]
        for number, path in enumerate(paths):
            path.parent.mkdir(exist_ok=True)
            noise(seed=first + number).save(path)
        label = datasets.ClassLabel(names=names) if names else datasets.Value("int64")
        features = datasets.Features({"id": datasets.Value("string"), "picture": datasets.Image(), "label": label})
        columns = {"id": list(map(str, range(count))), "picture": list(map(str, paths)), "label": labels or [0] * count}
        return datasets.Dataset.from_dict(columns, features=features)

    return make


def config(source: Path | str, tmp_path: Path, **fields) -> DataConfig:
    return DataConfig(source=str(source), image_size=32, root=tmp_path / "cache", **fields)


def test_a_saved_dict_of_splits(tmp_path: Path, rows, noise) -> None:
    names = ["zebra", "ant", "mole"]
    saved = datasets.DatasetDict(
        train=rows(6, [2, 0, 1, 2, 2, 0], names), validation=rows(3, None, names, 6), test=rows(2, [1, -1], names, 9)
    )
    saved.save_to_disk(str(tmp_path / "saved"))
    for path in (tmp_path / "loose").iterdir():
        path.unlink()  # what is saved holds the pictures themselves
    data = open_data(config(tmp_path / "saved", tmp_path))
    assert data.words == (
        "saved: 6 pictures to train on, 2 to test on (train trains, test tests; not taken: validation)"
    )
    with open_source(config(tmp_path / "saved", tmp_path)).test.open(1) as picture:
        assert picture.tobytes() == noise(seed=10).tobytes()
    source = open_source(config(f"{tmp_path / 'saved'}#train,validation", tmp_path))
    assert source.split == "train trains, validation tests"
    assert len(source.test) == 3
    assert source.class_names() == ("zebra", "ant", "mole")  # in the data set's order
    assert [source.part("train").class_of(number) for number in range(6)] == [2, 0, 1, 2, 2, 0]
    with pytest.raises(DataError, match=r"the class of test\[1\] is not known"):
        open_source(config(tmp_path / "saved", tmp_path)).test.class_of(1)
    named = open_data(config(f"huggingface:{tmp_path / 'saved'}:picture#train,test", tmp_path))
    assert named.record["fingerprint"] == data.record["fingerprint"]


def test_a_saved_data_set_is_divided(tmp_path: Path, rows, monkeypatch: pytest.MonkeyPatch) -> None:
    rows(10, [0, 7] * 5).save_to_disk(str(tmp_path / "saved"), num_shards=3)
    in_memory = open_data(config(tmp_path / "saved", tmp_path))
    assert (len(in_memory.train), len(in_memory.test)) == (8, 2)
    assert "every fifth picture by number" in in_memory.record["split"]
    assert len(open_evaluation_data(config(tmp_path / "saved", tmp_path)).test) == 10
    assert open_source(config(tmp_path / "saved", tmp_path)).class_names() == tuple("01234567")
    monkeypatch.setattr(opening, "memory_budget", lambda: 0)
    streamed = open_data(config(tmp_path / "saved", tmp_path, workers=2))
    arguments = {"batch_size": 8, "seed": 0, "start_step": 0, "steps": 3}
    for one, other in zip(
        training_batches(in_memory, **arguments), training_batches(streamed, **arguments), strict=True
    ):
        assert torch.equal(one, other)


def test_broken_saved_pictures_are_named(tmp_path: Path, rows, console) -> None:
    good = [
        Path(row["bytes"] or row["path"])
        for row in rows(3).cast_column("picture", datasets.Image(decode=False))["picture"]
    ]
    content = [{"bytes": path.read_bytes(), "path": None} for path in good]
    content[1] = {"bytes": b"junk", "path": None}
    features = datasets.Features({"image": datasets.Image()})
    datasets.Dataset.from_dict({"image": content}, features=features).save_to_disk(str(tmp_path / "saved"))
    data = open_evaluation_data(config(tmp_path / "saved", tmp_path), console=console)
    assert data.record["test"]["skipped"] == {"rows[1]": "no picture in a known format"}


def test_one_split_can_be_chosen_where_the_usual_ones_are_missing(tmp_path: Path, rows) -> None:
    datasets.DatasetDict(fold1=rows(10), fold2=rows(5, first=10)).save_to_disk(str(tmp_path / "folds"))
    folds = tmp_path / "folds"
    with pytest.raises(DataError, match="neither a train nor a test split, only fold1, fold2: #TRAIN,TEST chooses"):
        open_data(config(folds, tmp_path))
    for chosen, expected in (("fold1,fold2", (10, 5)), ("fold1", (8, 2)), ("fold2", (4, 1))):
        data = open_data(config(f"{folds}#{chosen}", tmp_path))
        assert (len(data.train), len(data.test)) == expected
    datasets.DatasetDict(validation=rows(5)).save_to_disk(str(tmp_path / "alone"))
    with pytest.raises(DataError, match=r"has no split train, only validation: .* #ONE one to divide"):
        open_data(config(tmp_path / "alone", tmp_path))
    assert len(open_data(config(f"{tmp_path / 'alone'}#validation", tmp_path)).train) == 4


@pytest.mark.parametrize("damage", ["state.json", "dataset_info.json", "data"])
def test_a_damaged_folder_is_said_in_a_sentence(tmp_path: Path, rows, damage: str) -> None:
    rows(5).save_to_disk(str(tmp_path / "saved"))
    for path in (tmp_path / "saved").glob("data*.arrow" if damage == "data" else damage):
        path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DataError, match="saved' could not be loaded: "):
        open_data(config(tmp_path / "saved", tmp_path))


def test_no_pictures_in_what_was_saved(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"text": ["a", "b"]}).save_to_disk(str(tmp_path / "saved"))
    with pytest.raises(DataError, match="its columns of pictures are none, of all text"):
        open_data(config(tmp_path / "saved", tmp_path))


def test_shards_read_by_the_package_have_the_same_pictures_and_classes(tmp_path: Path, noise) -> None:
    """Its reader of WebDataset shards, and ours."""
    (tmp_path / "shards").mkdir()
    for split, numbers in (("train", range(6)), ("test", range(6, 8))):
        with tarfile.open(tmp_path / "shards" / f"{split}-0.tar", "w") as tar:
            for number in numbers:
                picture = io.BytesIO()
                noise(seed=number).save(picture, "PNG")
                about = {"png": picture.getvalue(), "cls": b"%d" % (number % 3), "json": json.dumps({"a": 1}).encode()}
                for kind, content in about.items():
                    info = tarfile.TarInfo(f"{number:03}.{kind}")
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
    ours = open_source(config(tmp_path / "shards", tmp_path))
    theirs = open_source(config(f"huggingface:{tmp_path / 'shards'}", tmp_path))
    for part in ("train", "test"):
        one, other = ours.part(part), theirs.part(part)
        assert len(one) == len(other)
        for number in range(len(one)):
            assert one.class_of(number) == other.class_of(number)
            with one.open(number) as here, other.open(number) as there:
                assert Image.Image.tobytes(here) == there.tobytes()
    assert ours.class_names() == theirs.class_names() == ("0", "1", "2")


def test_saved_folders_need_the_package(tmp_path: Path, rows, monkeypatch: pytest.MonkeyPatch) -> None:
    rows(2).save_to_disk(str(tmp_path / "saved"))
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r'pip install "quantizer-zoo-benchmark\[huggingface\]"'):
        open_data(config(tmp_path / "saved", tmp_path))
