"""Pictures at the size that they have."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from benchmarks.data import DataConfig, DataError
from benchmarks.data.whole import WholePictures, open_whole


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """train/ and test/, a broken file, a small one, a grey and a transparent one."""
    colours = np.random.default_rng(0).integers(0, 256, (30, 40, 4), dtype=np.uint8)
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    Image.fromarray(colours[..., :3]).save(tmp_path / "train" / "rgb.png")
    Image.fromarray(colours).save(tmp_path / "train" / "clear.png")
    Image.fromarray(colours[:20, :, 0]).save(tmp_path / "test" / "grey.png")
    Image.fromarray(colours[:9, :, :3]).save(tmp_path / "test" / "small.png")
    (tmp_path / "test" / "broken.png").write_bytes(b"none")
    return tmp_path


def _open(folder: Path, **changes: object) -> tuple[WholePictures, str]:
    console = Console(file=io.StringIO(), width=200)
    return open_whole(DataConfig(str(folder), image_size=11, **changes), console), console.file.getvalue()


def test_all_parts_are_taken_whole_in_rgb_and_what_cannot_be_is_named(folder: Path) -> None:
    pictures, said = _open(folder)
    assert [pictures.name(index) for index in range(len(pictures))] == [
        "train/clear.png",
        "train/rgb.png",
        "test/grey.png",
    ]
    assert [(picture.mode, picture.size) for picture in pictures] == [
        ("RGB", (40, 30)),
        ("RGB", (40, 30)),
        ("RGB", (40, 20)),
    ]
    with Image.open(folder / "train" / "rgb.png") as opened:
        assert np.array_equal(np.asarray(pictures[1]), np.asarray(opened))
    assert set(pictures.record["skipped"]) == {"test/broken.png", "test/small.png"}
    assert "left out 2 unusable pictures" in said
    assert "the short side is under 11" in said
    assert pictures.record["pictures"] == len(pictures) == 3


def test_the_fingerprint_is_of_pixels_and_names(folder: Path) -> None:
    before, _ = _open(folder)
    assert _open(folder)[0].record["fingerprint"] == before.record["fingerprint"]
    few, _ = _open(folder, limit_test=1)
    assert len(few) == 1
    assert few.record["fingerprint"] != before.record["fingerprint"]
    Image.new("RGB", (40, 30)).save(folder / "train" / "rgb.png")
    assert _open(folder)[0].record["fingerprint"] != before.record["fingerprint"]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pictures"):
        _open(tmp_path)
