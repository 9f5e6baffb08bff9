"""Sheets of pictures: every pixel is there, and labels stand beside their rows."""

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.records.grids import COMPARED, DRAWN, GAP, NAME, about_picture, save_grid, save_picture, save_tiles


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


def test_names_stand_below_their_pictures_and_within_their_width(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (5, 3, DRAWN, DRAWN), dtype=np.uint8)
    save_tiles(tmp_path / "plain.png", pictures)
    save_tiles(tmp_path / "named.png", pictures, ["cat", "", "a name that is far too long to fit", "dog", "cat"])
    plain, named = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("plain", "named"))
    assert plain.shape == (2 * (DRAWN + GAP) - GAP, 3 * (DRAWN + GAP) - GAP, 3)
    assert named.shape == (2 * (DRAWN + NAME + GAP) - GAP, plain.shape[1], 3)
    for number, picture in enumerate(pictures):
        top, left = number // 3 * (DRAWN + NAME + GAP), number % 3 * (DRAWN + GAP)
        np.testing.assert_array_equal(named[top : top + DRAWN, left : left + DRAWN], picture.transpose(1, 2, 0))
        below = named[top + DRAWN : top + DRAWN + NAME, left : left + DRAWN]
        assert (below < 128).any() == (number != 1)
        assert (named[top : top + DRAWN + NAME, left + DRAWN : left + DRAWN + GAP] == 255).all()


def test_a_picture_alone_says_what_it_is(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (3, 5, 7), dtype=np.uint8)
    save_picture(tmp_path / "new" / "0.png", picture, "of a test — ±")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "new" / "0.png")), picture.transpose(1, 2, 0))
    assert about_picture(tmp_path / "new" / "0.png") == "of a test — ±"
    (tmp_path / "text.png").write_text("x")
    assert about_picture(tmp_path / "text.png") is None
