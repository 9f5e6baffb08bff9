"""SSIMULACRA 2 as the package has it, on pictures in memory."""

import numpy as np
from PIL import Image
from ssimulacra2 import compute_ssimulacra2

from benchmarks.metrics.ssimulacra2 import ssimulacra2


def test_it_is_the_packages_own_of_files(tmp_path) -> None:
    coarse = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    original = Image.fromarray(coarse).resize((96, 72), Image.Resampling.BICUBIC)
    blurred = original.resize((24, 18)).resize((96, 72))
    for name, picture in {"original": original, "blurred": blurred}.items():
        picture.save(tmp_path / f"{name}.png")
    assert ssimulacra2(original, original) == 100
    assert ssimulacra2(blurred, original) == compute_ssimulacra2(tmp_path / "original.png", tmp_path / "blurred.png")
    assert ssimulacra2(blurred, original) < 90
