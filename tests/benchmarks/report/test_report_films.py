"""Films in the report: they move in it, frame for frame as they are stored, beside the protocol of films."""

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from film_runs import FRAMES, RATE, SIDE, store_film_run
from PIL import Image

from benchmarks.records.arrays import read_arrays
from benchmarks.records.files import RecordError
from benchmarks.records.record import Record, read_records
from benchmarks.report.page import page
from benchmarks.report.pictures import read_samples
from benchmarks.report.sections import sections


def test_films_move_as_they_are_stored(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    path = store_film_run(tmp_path, make_record)
    html = page([(section, []) for section in sections(read_records([tmp_path])[0])], 0)
    shown = re.findall(
        r'<img src="data:image/webp;base64,([^"]+)" alt="([^"]+)"[^>]* width="(\d+)" height="(\d+)"', html
    )
    assert [text for _, text, *_ in shown] == [
        "clip 1, original",
        "clip 2, original",
        "clip 1, fsq, 10 bits, PSNR 22.00 dB",
        "clip 2, fsq, 10 bits, PSNR 22.00 dB",
    ]
    assert {tuple(map(int, size)) for _, _, *size in shown} == {(SIDE, SIDE)}
    stored = read_arrays(path)["samples/reconstruction"][1]
    with Image.open(io.BytesIO(base64.b64decode(shown[3][0]))) as film:
        assert film.n_frames == FRAMES
        milliseconds = 0
        for frame in range(FRAMES):
            film.seek(frame)
            assert np.array_equal(np.asarray(film.convert("RGB")).transpose(2, 0, 1), stored[:, frame])
            milliseconds += film.info["duration"]
    assert milliseconds == round(1000 * FRAMES / RATE)
    assert "Video protocol" in html
    assert "Audio protocol" not in html
    assert "The first clips of the test set" in html


def test_what_are_no_films_is_refused(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    path = store_film_run(tmp_path, make_record)
    arrays = read_arrays(path)
    flat = {name: arrays[f"samples/{name}"][:, :, 0] for name in ("original", "reconstruction")}
    np.savez(path.with_suffix(".npz"), **{**arrays, **{f"samples/{name}": of for name, of in flat.items()}})
    with pytest.raises(RecordError, match=r"uint8 of shape \(N, 3, t, h, w\), not \(2, 3, 16, 16\)"):
        read_samples(path)
