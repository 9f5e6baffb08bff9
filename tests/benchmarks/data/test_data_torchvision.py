"""torchvision's data sets, from files of the test's own: nothing is downloaded."""

import functools
import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import torchvision.datasets

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
