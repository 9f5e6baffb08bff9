"""Data sets by name, from files of the test's own: nothing is downloaded."""

import functools
import hashlib
import io
import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision.datasets
from PIL import Image

from benchmarks.data import DataConfig, DataError, open_data, open_evaluation_data, training_batches


def write_cifar10(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Ten training and four test pictures in the layout of CIFAR-10, with checksums."""
    folder = root / torchvision.datasets.CIFAR10.base_folder
    folder.mkdir(parents=True)
    pixels = {
        "data_batch_1": np.random.default_rng(0).integers(0, 256, (10, 3072), dtype=np.uint8),
        "test_batch": np.random.default_rng(1).integers(0, 256, (4, 3072), dtype=np.uint8),
    }
    checksums = {}
    for name, rows in pixels.items():
        content = pickle.dumps({"data": rows, "labels": [0] * len(rows)})
        (folder / name).write_bytes(content)
        checksums[name] = hashlib.md5(content).hexdigest()
    content = pickle.dumps({"label_names": ["a"]})
    (folder / "batches.meta").write_bytes(content)
    cifar = torchvision.datasets.CIFAR10
    monkeypatch.setattr(cifar, "train_list", [["data_batch_1", checksums["data_batch_1"]]])
    monkeypatch.setattr(cifar, "test_list", [["test_batch", checksums["test_batch"]]])
    meta = {**cifar.meta, "filename": "batches.meta", "md5": hashlib.md5(content).hexdigest()}
    monkeypatch.setattr(cifar, "meta", meta)
    return pixels


def refuse(*_, **__) -> None:
    raise OSError("no network")


def test_torchvision_with_its_own_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = write_cifar10(tmp_path, monkeypatch)
    data = open_data(DataConfig(source="torchvision:CIFAR10", root=tmp_path, min_crop=1, flip=False))
    assert data.record["split"] == "train=True trains, train=False tests"
    assert data.record["name"] == "torchvision-CIFAR10"
    assert (len(data.train), len(data.test)) == (10, 4)
    assert data.test.crops is not None
    assert np.array_equal(data.test.crops.flatten(1).numpy(), pixels["test_batch"])
    batch = next(training_batches(data, 10, 0, 0, 1)).flatten(1)
    assert {row.tobytes() for row in batch.numpy()} == {row.tobytes() for row in pixels["data_batch_1"]}


def test_torchvision_with_named_splits(tmp_path: Path, noise) -> None:
    """CLEVR has train, val and test; only the first two are there."""
    root = tmp_path / "root"
    for split in ("train", "val"):
        for number in range(3):
            path = root / "clevr" / "CLEVR_v1.0" / "images" / split / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            noise(seed=number).save(path)
    scenes = root / "clevr" / "CLEVR_v1.0" / "scenes"
    scenes.mkdir()
    for split in ("train", "val"):
        rows = ", ".join(f'{{"image_filename": "{number}.png", "objects": []}}' for number in range(3))
        (scenes / f"CLEVR_{split}_scenes.json").write_text(f'{{"scenes": [{rows}]}}')
    data = open_data(DataConfig(source="torchvision:CLEVRClassification", root=root, limit_train=2))
    assert (len(data.train), len(data.test)) == (2, 3)
    assert data.record["split"] == "split=train trains, split=val tests"


def test_torchvision_with_test_pictures_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured needs nothing of what trains, and does not fetch it."""
    monkeypatch.setattr(torchvision.datasets.cifar, "download_and_extract_archive", refuse)
    write_cifar10(tmp_path, monkeypatch)
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "train_list", [])
    real = torchvision.datasets.CIFAR10.__init__

    def test_alone(self, root, train=True, **others) -> None:
        if train:
            refuse()
        real(self, root, train, **others)

    monkeypatch.setattr(torchvision.datasets.CIFAR10, "__init__", test_alone)
    config = DataConfig(source="torchvision:CIFAR10", root=tmp_path)
    assert len(open_evaluation_data(config).test) == 4
    with pytest.raises(DataError, match=r"torchvision's CIFAR10 could not be had from .*: no network"):
        open_data(config)


def test_parts_of_a_torchvision_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar10(tmp_path, monkeypatch)
    config = DataConfig(source="torchvision:CIFAR10", root=tmp_path)
    for part, count in ((None, 4), ("test", 4), ("train", 10), ("all", 14)):
        assert len(open_evaluation_data(config, part).test) == count
    assert open_evaluation_data(config, "all").test.pictures.name(10) == "train=False[0]"


def test_other_pixels_of_a_data_set_are_another_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar10(tmp_path, monkeypatch)
    config = DataConfig(source="torchvision:CIFAR10", root=tmp_path)
    before = open_data(config).record
    assert open_data(config).record == before
    real = torchvision.datasets.CIFAR10.__init__

    @functools.wraps(real)
    def altered(self, *arguments, **named) -> None:
        real(self, *arguments, **named)
        self.data[3, 5, 5, 1] ^= 1

    monkeypatch.setattr(torchvision.datasets.CIFAR10, "__init__", altered)
    now = open_data(config).record["train"]
    assert now["fingerprint"] == before["train"]["fingerprint"]
    assert now["content"] != before["train"]["content"]


def test_torchvision_without_a_split(tmp_path: Path) -> None:
    data = open_data(DataConfig(source="torchvision:FakeData", limit_train=8, limit_test=5, image_size=64))
    assert "every fifth picture by number is test" in data.record["split"]
    assert data.train.decoder.pictures.name(0) == "FakeData[1]"
    assert (len(data.train), len(data.test)) == (8, 5)
    whole = open_evaluation_data(DataConfig(source="torchvision:FakeData", limit_test=6, image_size=64))
    assert whole.words == "torchvision-FakeData: 6 of 1,000 pictures, all"


def test_torchvision_not_there_and_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.datasets.cifar, "download_and_extract_archive", refuse)
    with pytest.raises(DataError, match=r"torchvision's CIFAR10 could not be had from .*: no network"):
        open_data(DataConfig(source="torchvision:CIFAR10", root=tmp_path))


def test_unknown_torchvision_name() -> None:
    with pytest.raises(DataError, match="no 'Cifar10'; near it: CIFAR10"):
        open_data(DataConfig(source="torchvision:Cifar10"))


def test_pictures_smaller_than_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar10(tmp_path, monkeypatch)
    with pytest.raises(DataError, match=r"none of 4 pictures .* 32 × 32 px, the short side is under 64"):
        open_data(DataConfig(source="torchvision:CIFAR10", root=tmp_path, image_size=64))


class FakeRows(list):
    """As much of a Hugging Face data set as is used, for machines without the package."""

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
    """The real package, where it is installed, on parquet files as the hub has them."""
    datasets = pytest.importorskip("datasets")
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
