"""Tokenizers that are trained already, and the pictures that they are tried on."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.command_line.usage import UsageError
from benchmarks.records.record import Record
from benchmarks.training.picture_models import PictureModel
from storage.paths import printable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty pictures, in a folder whose name is not UTF-8."""
    folder = tmp_path / os.fsdecode(b"pictures\xff")
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(20):
        Image.fromarray(random.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(folder / f"{number:02}.png")
    return folder


def test_a_run_is_tried_on_its_own_test_pictures_or_on_others(
    folder: Path, tmp_path: Path, make_record: Callable[..., Record]
) -> None:
    record = make_record(data={"name": "pictures", "source": printable(folder), "fingerprint": "f"})
    model = PictureModel(record.id, 32, tmp_path / "run.json", record)
    assert len(model.open_pictures(None, None, 200).test) == 4  # every fifth file tests
    assert len(model.open_pictures(None, None, 3).test) == 3
    others = model.open_pictures(str(folder), None, 200)
    assert len(others.test) == 20
    assert others.record["image_size"] == 32


def test_own_pictures_that_are_gone_are_said(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    record = make_record(data={"name": "pictures", "source": str(tmp_path / "gone"), "fingerprint": "f"})
    model = PictureModel(record.id, 32, tmp_path / "run.json", record)
    with pytest.raises(
        UsageError, match=r"run.json: its own pictures are not at hand \(.*gone.*\); name others by --data"
    ):
        model.open_pictures(None, None, 200)
