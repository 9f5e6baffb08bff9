"""JPEG, WebP, AVIF and JPEG XL: pixels and nothing else go in, and size moves with quality."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from benchmarks.protocols.compression.codecs import CODECS, Codec, within

EACH = pytest.mark.parametrize("codec", CODECS.values(), ids=list(CODECS))


def _picture(width: int = 75, height: int = 50, seed: int = 0) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 18, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def _error(one: Image.Image, other: Image.Image) -> float:
    return float(np.square(np.asarray(one, float) - np.asarray(other, float)).mean())


@EACH
def test_size_and_quality_rise_over_the_measured_qualities(codec: Codec) -> None:
    picture = _picture(150, 100)
    files = [codec.encode(picture, quality) for quality in codec.qualities]
    decoded = [codec.decode(file) for file in files]
    assert {(each.mode, each.size) for each in decoded} == {("RGB", picture.size)}
    sizes = [len(file) for file in files]
    assert sizes == sorted(set(sizes))
    errors = [_error(each, picture) for each in decoded]
    assert errors[0] > 4 * errors[-1]


@EACH
def test_no_quality_makes_smaller_files_than_the_lowest_that_is_measured(codec: Codec) -> None:
    picture = _picture(150, 100)
    assert len(codec.encode(picture, min(codec.qualities))) <= len(codec.encode(picture, 0))


@EACH
def test_the_settings_are_the_encoders_defaults(codec: Codec) -> None:
    buffer = BytesIO()
    codec.encode(_picture(), 50)  # which makes Pillow know the format
    _picture().save(buffer, codec.format, quality=50)
    assert codec.encode(_picture(), 50) == buffer.getvalue()


@EACH
def test_a_picture_from_a_jpeg_file_is_coded_as_it_is_now(codec: Codec, tmp_path: Path) -> None:
    """pillow-jxl-plugin packs the file that a picture came from, whatever the quality and what was edited since."""
    _picture().save(tmp_path / "picture.jpg", quality=95)
    with Image.open(tmp_path / "picture.jpg") as opened:
        opened.load()
        opened.paste((255, 0, 0), (0, 0, 40, 50))
        files = [codec.encode(opened, quality) for quality in (20, 90)]
    assert len(files[0]) < len(files[1])
    red, green, _ = np.asarray(codec.decode(files[1]))[:, 2:30].mean((0, 1))
    assert red > 230 > 40 > green


@EACH
def test_a_profile_costs_nothing(codec: Codec) -> None:
    bare, profiled = _picture(), _picture()
    profiled.info["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profiled.getexif()[0x010E] = "a description"
    assert codec.encode(profiled, 30) == codec.encode(bare, 30)


@EACH
def test_a_budget_gets_a_quality_that_keeps_it_and_whose_next_does_not(codec: Codec) -> None:
    picture = _picture()
    for quality in (20, 60):
        budget = len(codec.encode(picture, quality))
        found, file = within(codec, picture, budget)
        assert abs(found - quality) < 10  # sizes do not rise at every step
        assert file == codec.encode(picture, found)
        assert len(file) <= budget < len(codec.encode(picture, found + 1))
    lowest, file = within(codec, picture, 10)
    assert lowest == min(codec.qualities)
    assert len(file) > 10
    assert within(codec, picture, 10**9)[0] == codec.most


@EACH
def test_the_versions_are_known(codec: Codec) -> None:
    assert len(codec.software) == 2
    assert all(version[0].isdigit() for version in codec.software.values())
