"""A small stored run of pictures, with its weights, on pictures of coarse noise."""

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import run
from benchmarks.data.machine import torch_threads


def picture_run(folder: Path, quantizer: str) -> Path:
    """The record of a run of the preset smoke below `folder`, which gets the pictures too."""
    pictures = folder / "pictures"
    if not pictures.exists():
        pictures.mkdir(parents=True)
        random = np.random.default_rng(0)
        for number in range(20):
            coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
            coarse.resize((64, 48), Image.Resampling.BICUBIC).save(pictures / f"{number:02}.png")
    words = ["--preset", "smoke", "--cpu", "--train.images", "32", "--data", str(pictures)]
    with torch_threads(1):
        assert run.main(["--quantizer", quantizer, *words, "--output", str(folder / "runs")]) == 0
    (path,) = folder.glob(f"runs/smoke/pictures/{quantizer}-*.json")
    return path
