"""`texture:FILE`: squares of one picture."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.data import DataConfig, DataError, open_data
from benchmarks.data.sources import open_source
from benchmarks.data.texture import TEST_SQUARES, TRAIN_SQUARES


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """200 × 60 pixels, whose red says the column."""
    pixels = np.zeros((60, 200, 3), np.uint8)
    pixels[..., 0] = np.arange(200)
    pixels[..., 1] = np.arange(60)[:, None]
    Image.fromarray(pixels).save(tmp_path / "grass.png")
    return tmp_path / "grass.png"


def test_squares_to_test_on_share_no_pixel_with_those_to_train_on(picture: Path) -> None:
    source = open_source(DataConfig(f"texture:{picture}", image_size=32))
    columns = {}
    for part, count in (("train", TRAIN_SQUARES), ("test", TEST_SQUARES)):
        pictures = source.part(part)
        assert len(pictures) == count
        squares = np.stack([np.asarray(pictures.open(index)) for index in range(count)])
        assert squares.shape[1:] == (32, 32, 3)
        assert (np.diff(squares[..., 0].astype(int), axis=2) == 1).all()  # at its own scale
        columns[part] = set(squares[..., 0].flatten().tolist())
    assert columns["train"] <= set(range(160))
    assert columns["test"] <= set(range(160, 200))
    assert min(columns["train"]) == 0
    assert max(columns["test"]) > 195


def test_it_is_trained_on_as_it_is(picture: Path) -> None:
    config = DataConfig(f"texture:{picture}", image_size=32, limit_train=8, limit_test=4, flip=False)
    data = open_data(config)
    assert (len(data.train), len(data.test)) == (8, 4)
    assert data.record["name"] == "texture-grass.png"
    assert "of its left 80%" in data.record["split"]
    assert torch.equal(data.test[0][0].diff(dim=1), torch.ones(32, 31, dtype=torch.uint8))


def test_a_picture_of_more_pixels_than_pillow_takes_is_refused(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000)  # an error from twice as many on
    with pytest.raises(DataError, match="is no picture that can be read"):
        open_source(DataConfig(f"texture:{picture}", image_size=32))


def test_what_is_no_texture_is_refused(picture: Path) -> None:
    (picture.parent / "words.png").write_text("words")
    for source, size, message in (
        ("texture:none.png", 32, "no picture that can be read"),
        (f"texture:{picture.parent / 'words.png'}", 32, "no picture that can be read"),
        (f"texture:{picture}", 48, "has 200 × 60 pixels, for squares of 48 it must have 240 × 48"),
        (f"texture:{picture}#a,b", 32, "has no split a"),
    ):
        with pytest.raises(DataError, match=message):
            open_source(DataConfig(source, image_size=size))
