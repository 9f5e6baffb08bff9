"""Small folders of pictures to load from."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

SavePictures = Callable[..., Path]


@pytest.fixture
def noise() -> Callable[..., Image.Image]:
    """A picture of smooth noise: (width, height, seed) -> RGB."""

    def make(width: int = 48, height: int = 40, seed: int = 0) -> Image.Image:
        coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
        return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)

    return make


@pytest.fixture
def folder(tmp_path: Path, noise: Callable[..., Image.Image]) -> Path:
    """Twelve pictures of several shapes in a tree of folders; by the rule 0, 5 and 10 are test."""
    for number in range(12):
        place = tmp_path / "pictures" / f"class{number // 4}"
        place.mkdir(parents=True, exist_ok=True)
        picture = noise(40 + 7 * (number % 3), 36 + 9 * (number % 4), seed=number)
        picture.save(place / f"{number:02}.{('png', 'jpg', 'webp')[number % 3]}")
    return tmp_path / "pictures"


@pytest.fixture
def console() -> Console:
    """A console whose output is read by `console.file.getvalue()`."""
    return Console(file=StringIO(), width=200)
