"""Rules of cropping against torchvision and against references written down here."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torchvision import transforms
from torchvision.transforms import InterpolationMode

from benchmarks.data.transforms import centre_crop
from benchmarks.protocols.variants.crops import CROPS

SIZES = [(451, 300), (300, 451), (129, 97), (64, 64), (96, 71), (97, 128)]


@pytest.fixture(params=SIZES, ids=str)
def picture(request: pytest.FixtureRequest) -> Image.Image:
    """Odd and even margins, factors of one, two and more, as (width, height)."""
    width, height = request.param
    return Image.fromarray(data.astronaut()[:height, :width])


def array(crop: torch.Tensor) -> np.ndarray:
    assert crop.dtype == torch.uint8
    return crop.permute(1, 2, 0).numpy()


def test_the_first_is_the_protocols(picture):
    np.testing.assert_array_equal(array(CROPS["protocol"](picture, 64)), np.asarray(centre_crop(picture, 64)))


@pytest.mark.parametrize(
    ("name", "filter", "short"),
    [
        ("bicubic", InterpolationMode.BICUBIC, 64),
        ("bilinear", InterpolationMode.BILINEAR, 64),
        ("lanczos", InterpolationMode.LANCZOS, 64),
        ("lanczos-zoom", InterpolationMode.LANCZOS, 72),
    ],
)
def test_equal_to_torchvision(picture, name, filter, short):
    expected = transforms.Compose([transforms.Resize(short, interpolation=filter), transforms.CenterCrop(64)])(picture)
    np.testing.assert_array_equal(array(CROPS[name](picture, 64)), np.asarray(expected))


def test_adm_halves_by_means_first():
    """At four times the size nothing is left to the bicubic filter: a mean of 4 x 4 pixels, rounded in between."""
    pixels = data.astronaut()[:256, :400]
    halved = pixels.astype(int)
    for _ in range(2):
        halved = (halved[:, ::2] + halved[:, 1::2] + 1) // 2  # Pillow: along rows first, halves rounded up
        halved = (halved[::2] + halved[1::2] + 1) // 2
    left = (100 - 64) // 2
    np.testing.assert_array_equal(array(CROPS["adm"](Image.fromarray(pixels), 64)), halved[:, left : left + 64])


def test_adm_is_the_protocol_below_twice_the_size():
    picture = Image.fromarray(data.astronaut()[:127, :200])
    assert torch.equal(CROPS["adm"](picture, 64), CROPS["protocol"](picture, 64))
    larger = Image.fromarray(data.astronaut()[:128, :200])
    assert not torch.equal(CROPS["adm"](larger, 64), CROPS["protocol"](larger, 64))


def test_opencv_takes_four_pixels_whatever_the_scale(picture):
    """Bilinear by its definition: pixel centres on one line, no antialiasing, edges repeated."""
    pixels = np.asarray(picture).astype(np.float64)
    scale = 64 / min(picture.size)
    height, width = (round(side * scale) for side in pixels.shape[:2])
    for axis, length in ((0, height), (1, width)):
        size = pixels.shape[axis]
        place = ((np.arange(length) + 0.5) * size / length - 0.5).clip(0, size - 1)
        low = np.floor(place).astype(int)
        weight = (place - low).reshape([-1 if i == axis else 1 for i in range(3)])
        upper = np.take(pixels, np.minimum(low + 1, size - 1), axis)
        pixels = np.take(pixels, low, axis) * (1 - weight) + upper * weight
    top, left = (height - 64) // 2, (width - 64) // 2
    expected = pixels[top : top + 64, left : left + 64]
    assert np.abs(array(CROPS["opencv"](picture, 64)) - expected).max() <= 0.5 + 1e-9


def test_squash_keeps_the_whole_picture():
    pixels = np.zeros((64, 128, 3), np.uint8)
    pixels[:, 64:] = 255  # a square of the middle loses a quarter on each side; this does not
    found = array(CROPS["squash"](Image.fromarray(pixels), 32))
    assert found.shape == (32, 32, 3)
    assert (found[:, :14] == 0).all()
    assert (found[:, 18:] == 255).all()
    square = Image.fromarray(data.astronaut())
    assert torch.equal(CROPS["squash"](square, 64), CROPS["protocol"](square, 64))


@pytest.mark.parametrize("name", CROPS)
def test_nothing_is_enlarged(name):
    with pytest.raises(ValueError, match="short side is under 64"):
        CROPS[name](Image.fromarray(data.astronaut()[:63, :100]), 64)
