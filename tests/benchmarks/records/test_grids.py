"""Sheets of pictures: every pixel is there, and labels stand beside their rows."""

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.records.grids import COMPARED, GAP, save_grid


def test_a_row_for_each_entry_with_its_label(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = {name: random.integers(0, 256, (3, 3, 48, 64), dtype=np.uint8) for name in ("original", "fsq 10 bits")}
    save_grid(tmp_path / "grid.png", rows)
    sheet = np.asarray(Image.open(tmp_path / "grid.png"))
    times = -(-COMPARED // 48)
    down, across = 48 * times + GAP, 64 * times + GAP
    left = sheet.shape[1] - (3 * across - GAP)
    assert sheet.shape[0] == 2 * down - GAP
    for row, pictures in enumerate(rows.values()):
        for column, picture in enumerate(pictures):
            top, start = row * down, left + column * across
            tile = sheet[top : top + down - GAP : times, start : start + across - GAP : times]
            np.testing.assert_array_equal(tile, picture.transpose(1, 2, 0))
        label = sheet[row * down : row * down + down - GAP, :left]
        assert (label < 128).any()
        assert (label[: len(label) // 4] == 255).all()  # in the middle of its row
