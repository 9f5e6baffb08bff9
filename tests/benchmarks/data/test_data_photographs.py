"""The bundled photographs: no pixel is both trained and tested on."""

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.data import DataConfig, DataError, open_data, photographs as module, training_batches
from benchmarks.data.photographs import PHOTOGRAPHS, Photograph, load, open_photographs, size_of

CONFIG = DataConfig(image_size=32)


def shown_pixels(crops: module.Crops, monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """For each photograph, which of its pixels (y, x) the crops show: found by cropping a map of coordinates.

    Anything that a crop might show from beyond the picture would count for pixel (0, 0).
    """

    def coordinates(photograph: Photograph) -> Image.Image:
        width, height = load(photograph).size
        x, y = np.meshgrid(np.arange(width), np.arange(height))
        return Image.fromarray(np.stack([x % 256, y % 256, x // 256 * 16 + y // 256], -1).astype(np.uint8))

    shown = [np.zeros(load(photograph).size[::-1], bool) for photograph in PHOTOGRAPHS]
    with monkeypatch.context() as patch:
        patch.setattr(module, "load", coordinates)
        for index, (photograph, _) in enumerate(crops.boxes):
            red, green, blue = np.asarray(crops.open(index)).astype(int).reshape(-1, 3).T
            shown[PHOTOGRAPHS.index(photograph)][green + 256 * (blue % 16), red + 256 * (blue // 16)] = True
    return shown


@pytest.mark.parametrize("image_size", [32, 128])
def test_no_pixel_is_shared(image_size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_photographs(DataConfig(image_size=image_size))
    trained, tested = shown_pixels(source.open_train(), monkeypatch), shown_pixels(source.test, monkeypatch)
    for photograph, train, test in zip(PHOTOGRAPHS, trained, tested, strict=True):
        width, height = size_of(photograph.train)
        assert train.sum() == width * height
        width, height = size_of(photograph.test)
        assert test.sum() > 0.9 * width * height  # the test crops spread over their part
        assert not (train & test).any()


@pytest.mark.parametrize("part", ["train", "test"])
def test_repainting_one_part_changes_nothing_in_the_other(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same through all of the code: also resizing a crop must not look beyond its part."""

    def samples() -> tuple[torch.Tensor, torch.Tensor]:
        data = open_data(CONFIG)
        assert data.test.crops is not None
        return torch.cat(list(training_batches(data, 70, seed=0, start_step=0, steps=2))), data.test.crops

    def repainted(photograph: Photograph) -> Image.Image:
        pixels = np.array(load(photograph))
        left, top, right, bottom = getattr(photograph, part)
        pixels[top:bottom, left:right] = 255 - pixels[top:bottom, left:right]
        return Image.fromarray(pixels)

    train, test = samples()
    monkeypatch.setattr(module, "load", repainted)
    train_after, test_after = samples()
    assert torch.equal(train, train_after) is (part == "test")
    assert torch.equal(test, test_after) is (part == "train")
    changed = (train != train_after) if part == "train" else (test != test_after)
    assert changed.flatten(1).any(1).all()  # and in the repainted part every sample


def test_the_photographs_are_colourful_scenes_and_the_parts_are_large_enough() -> None:
    for photograph in PHOTOGRAPHS:
        pixels = np.asarray(load(photograph)).astype(float)
        assert pixels.std(axis=-1).mean() > 5, photograph
        assert min(size_of(photograph.train)) >= 256
        assert min(size_of(photograph.test)) >= 96


def test_test_crops_are_many_spread_and_not_flat() -> None:
    data = open_data(CONFIG)
    assert data.test.crops is not None
    assert 190 <= len(data.test) <= 210
    assert len({crop.numpy().tobytes() for crop in data.test.crops}) == len(data.test)
    blocks = torch.nn.functional.avg_pool2d(data.test.crops.double(), 8)
    error = (torch.nn.functional.interpolate(blocks, scale_factor=8) - data.test.crops).square().mean((1, 2, 3))
    # The mean of each 8 x 8 block must leave a tokenizer something to show (at native scale it gives 29 dB).
    assert (10 * torch.log10(255**2 / error)).mean() < 24
    source = open_photographs(CONFIG)
    sides = [size_of(box)[0] for _, box in source.test.boxes]
    assert min(sides) == 96
    assert max(sides) > 240
    assert all(size_of(box)[0] == size_of(box)[1] for _, box in source.test.boxes)


def test_test_set_is_the_same_every_time() -> None:
    first, second = open_data(CONFIG), open_data(dataclasses.replace(CONFIG, flip=False))
    assert first.record["test"] == second.record["test"]


def test_a_size_that_the_photographs_cannot_give() -> None:
    with pytest.raises(DataError, match="at most 190 px, image_size is 256: name a folder"):
        open_data(DataConfig(image_size=256))


def test_a_package_without_its_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Photograph("skimage", "data/not_there.png", (0, 0, 300, 300), (300, 0, 600, 300))
    monkeypatch.setattr(module, "PHOTOGRAPHS", (missing,))
    with pytest.raises(DataError, match=r"skimage has no data/not_there\.png: install its wheel"):
        open_data(CONFIG)
