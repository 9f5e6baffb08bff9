"""Grids: every picture at its place, errors on one scale."""

import base64
import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from benchmarks.plots.groups import groups, rates
from benchmarks.plots.reconstructions import PICTURES, gap, mosaic, reconstruction_grid
from benchmarks.plots.saving import svg


def _grid(stored: list):
    (part,) = rates(groups(stored)[0])
    return reconstruction_grid(part)


def _samples(error: int, height: int = 8, width: int = 6, count: int = 8) -> dict[str, np.ndarray]:
    original = 50 + np.arange(count * 3 * height * width).reshape(count, 3, height, width) % 100
    samples = {"samples/original": original, "samples/reconstruction": original + error}
    return {name: pictures.astype(np.uint8) for name, pictures in samples.items()}


def test_originals_then_each_method_with_its_first_seed_and_the_error_beside(store: Callable) -> None:
    made = [store(seed=1, arrays=_samples(9)), store(arrays=_samples(-20)), store("none", bits=512, arrays=_samples(4))]
    figure = _grid([*made, store("fsq")])  # fsq has no pictures stored
    pictures, errors, bar = figure.axes
    assert [text.get_text() for text in pictures.get_yticklabels()] == ["original", "none", "vq"]
    left, right = (np.ma.filled(panel.images[0].get_array(), np.nan) for panel in (pictures, errors))
    original = _samples(0)["samples/original"]
    assert left.shape == (3 * 8 + 2, PICTURES * 6 + 3, 3)
    assert (left[:8, 7:13] == original[1].transpose(1, 2, 0)).all()
    assert (left[18:26, :6] == original[0].transpose(1, 2, 0) - 20).all()
    assert (left[8] == 255).all()  # between rows
    assert np.isnan(right[:9]).all()
    assert (right[9:17, :6] == 4).all()
    assert (right[18:, 7:13] == 20).all()
    assert errors.images[0].get_clim() == (0, 20)
    assert bar.get_xlabel() == "absolute error, of 255"


@pytest.mark.parametrize("count", [1, 3])
def test_few_pictures_and_no_error_at_all(store: Callable, count: int) -> None:
    errors = _grid([store(arrays=_samples(0, count=count))]).axes[1]
    assert errors.images[0].get_array().shape == (17, 6 * count + count - 1)
    assert errors.images[0].get_clim()[1] > 0


def test_an_svg_holds_the_pixels_as_they_are(store: Callable) -> None:
    figure = _grid([store(arrays=_samples(9))])
    drawn = re.findall(rb"base64,([^\"]+)", svg(figure))
    left, right = (Image.open(io.BytesIO(base64.b64decode(data))) for data in drawn[:2])
    assert (np.asarray(left.convert("RGB")) == figure.axes[0].images[0].get_array()).all()
    assert right.size == left.size


def test_nothing_stored_no_grid(store: Callable) -> None:
    assert _grid([store()]) is None


def test_gaps_grow_with_the_pictures() -> None:
    assert gap(32) == 1
    assert mosaic([np.zeros((2, 1, 96, 96))], blank=7.0).shape == (96, 196, 1)
