"""Pictures of every kind become the right RGB, and the crops are where they should be."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageOps
from skimage.transform import resize

from benchmarks.data.transforms import centre_crop, kept_side, random_crop, to_rgb, to_tensor


def colour(picture: Image.Image) -> tuple[int, ...]:
    return to_rgb(picture).getpixel((0, 0))


def test_greyscale_and_bilevel() -> None:
    assert colour(Image.new("L", (4, 4), 77)) == (77, 77, 77)
    assert colour(Image.new("1", (4, 4), 1)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("mode", "value", "shown"),
    [
        ("RGBA", (255, 0, 0, 51), (255, 204, 204)),
        ("RGBa", (51, 0, 0, 51), (255, 204, 204)),
        ("LA", (0, 51), (204, 204, 204)),
    ],
)
def test_transparency_is_laid_over_white(mode: str, value: tuple[int, ...], shown: tuple[int, ...]) -> None:
    assert colour(Image.new(mode, (4, 4), value)) == shown


def test_palette_with_and_without_a_transparent_entry() -> None:
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, 10, 200, 30])
    assert colour(picture) == (10, 200, 30)
    picture.info["transparency"] = 1
    assert colour(picture) == (255, 255, 255)


def test_cmyk() -> None:
    assert colour(Image.new("CMYK", (4, 4), (0, 255, 255, 0))) == (255, 0, 0)


@pytest.mark.parametrize("mode", ["I;16", "I"])
def test_sixteen_bits_are_scaled_not_clipped(mode: str) -> None:
    values = np.array([[0, 257 * 100], [257 * 200, 65535]], dtype=np.uint16 if mode == "I;16" else np.int32)
    picture = Image.fromarray(values)
    assert picture.mode == mode
    assert np.asarray(to_rgb(picture))[..., 0].tolist() == [[0, 100], [200, 255]]


def png(values: np.ndarray) -> bytes:
    """A PNG of 16 bits a channel, which Pillow cannot write: (H, W, 3 or 4)."""
    height, width, channels = values.shape

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("kind", ["png", "png with alpha", "tiff", "compressed tiff", "big-endian tiff"])
def test_sixteen_bits_of_colour_are_scaled_as_grey_ones(tmp_path: Path, kind: str) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (24, 40, 3), dtype=np.uint16)
    values[0, :6] = np.array([0, 128, 129, 255, 65406, 65535])[:, None]
    path = tmp_path / f"picture.{kind[-4:]}"
    if kind == "png":
        path.write_bytes(png(values))
    elif kind == "png with alpha":
        path = tmp_path / "picture.png"
        path.write_bytes(png(np.concatenate([values, np.full_like(values[..., :1], 65535)], -1)))
    else:
        options = {"compression": "zlib"} if kind == "compressed tiff" else {}
        order = ">" if kind == "big-endian tiff" else "<"
        tifffile.imwrite(path, values, photometric="rgb", byteorder=order, **options)
    grey = [Image.fromarray(values[..., channel]) for channel in range(3)]
    with Image.open(path) as picture:
        shown = np.asarray(to_rgb(picture))
    for channel in range(3):
        assert np.array_equal(shown[..., channel], np.asarray(to_rgb(grey[channel]))[..., 0])
    assert np.array_equal(shown, np.round(values / 257))


@pytest.mark.parametrize("values", [np.full((4, 4), 70_000, np.int32), np.zeros((4, 4), np.float32)])
def test_pixels_without_an_agreed_white_are_refused(values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="no agreed white level"):
        to_rgb(Image.fromarray(values))


def test_exif_orientation_is_applied(tmp_path, noise) -> None:
    upright = noise(60, 40)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    upright.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as stored:
        shown = to_rgb(stored)
    assert shown.size == (40, 60)
    assert np.array_equal(np.asarray(shown), np.rot90(np.asarray(upright), -1))


@pytest.mark.parametrize("size", [(96, 32), (97, 32), (32, 97), (32, 32)])
def test_centre_crop_keeps_the_centre(size: tuple[int, int]) -> None:
    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    left, top = (width - 32) // 2, (height - 32) // 2
    cropped = centre_crop(Image.fromarray(pixels), 32)
    assert np.array_equal(np.asarray(cropped), pixels[top : top + 32, left : left + 32])


def test_centre_crop_is_antialiased() -> None:
    """Stripes of one pixel, shrunk four times, are grey; every fourth pixel alone would be black or white."""
    stripes = np.zeros((128, 128, 3), np.uint8)
    stripes[:, ::2] = 255
    grey = np.asarray(centre_crop(Image.fromarray(stripes), 32))[1:-1, 1:-1].astype(float)
    assert np.abs(grey - 127.5).max() < 3


def test_centre_crop_agrees_with_scikit_image_on_a_smooth_picture(noise) -> None:
    picture = noise(200, 128)
    reference = resize(np.asarray(picture).astype(float), (32, 50), order=3, anti_aliasing=True)[:, 9:41]
    assert np.abs(np.asarray(centre_crop(picture, 32)) - reference).mean() < 1.5


def test_centre_crop_refuses_to_enlarge() -> None:
    with pytest.raises(ValueError, match="40 × 31 px, the short side is under 32"):
        centre_crop(Image.new("RGB", (40, 31)), 32)


def test_random_crops_lie_within_the_picture_and_reach_its_edges() -> None:
    """The red channel is x and the green y, so a crop's corners tell where it was taken."""
    x, y = np.meshgrid(np.arange(100), np.arange(80))
    picture = Image.fromarray(np.stack([x, y, 0 * x], -1).astype(np.uint8))
    random = np.random.default_rng(0)
    crops = [np.asarray(random_crop(picture, 16, (20, 60), False, random)).astype(int) for _ in range(400)]
    sides = [16 / 15 * (crop[0, -1, 0] - crop[0, 0, 0]) for crop in crops]
    assert 18 < min(sides) < 25
    assert 55 < max(sides) < 63
    assert min(crop[..., 0].min() for crop in crops) <= 3
    assert max(crop[..., 0].max() for crop in crops) >= 96
    assert max(crop[..., 1].max() for crop in crops) >= 76


def test_flip_mirrors_half_of_the_crops_and_moves_none(noise) -> None:
    picture, mirrored = noise(64, 48), 0
    for seed in range(200):
        plain = random_crop(picture, 16, (20, 48), False, np.random.default_rng(seed))
        flipped = random_crop(picture, 16, (20, 48), True, np.random.default_rng(seed))
        if flipped != plain:
            assert flipped == ImageOps.mirror(plain)
            mirrored += 1
    assert 70 < mirrored < 130


def test_kept_side_never_enlarges_a_crop_and_never_the_picture() -> None:
    assert kept_side(1000, 32, 500) == 128  # crops of half the short side keep 64 pixels, twice what they need
    assert kept_side(100, 32, 50) == 100


def test_to_tensor() -> None:
    tensor = to_tensor(Image.new("RGB", (3, 2), (1, 2, 3)))
    assert tensor.dtype == torch.uint8
    assert tensor.shape == (3, 2, 3)
    assert tensor.is_contiguous()
    assert tensor[:, 0, 0].tolist() == [1, 2, 3]
