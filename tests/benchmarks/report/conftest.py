"""A folder of made-up stored runs with pictures, and the report on it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from benchmarks.records.record import Record, read_records, write_record
from benchmarks.report.page import page
from benchmarks.report.pictures import Picture, figure_uri
from benchmarks.report.sections import sections

PICTURES, SIDE = 3, 8


def samples(original: int, reconstruction: int) -> dict[str, np.ndarray]:
    """Pictures of one grey each, and their PSNR."""

    def grey(value: int) -> np.ndarray:
        return np.full((PICTURES, 3, SIDE, SIDE), value, np.uint8)

    psnr = np.arange(10, 15, dtype=np.float64)
    return {"samples/original": grey(original), "samples/reconstruction": grey(reconstruction), "image/psnr": psnr}


@pytest.fixture
def runs(tmp_path: Path, make_record: Callable[..., Record]) -> Path:
    """Five rows: two baselines, one of three seeds, and PSNRs whose order as text is not that of the numbers."""
    folder = tmp_path / "runs"
    rows = [
        ("fsq", 0, 18.0, 50),
        ("fsq", 1, 19.0, 60),
        ("fsq", 2, 18.5, 60),
        ("vq", 0, 9.5, 70),
        ("lfq", 0, 101.25, 0),
        ("none", 0, 20.0, 80),
        ("block-mean", 0, 17.0, 90),
    ]
    for name, seed, psnr, grey in rows:
        record = make_record(name, seed, psnr, command=f"python -m benchmarks.run --quantizer {name} --seed {seed}")
        if name == "vq":
            record = record.model_copy(update={"speed": {}})
        write_record(folder / f"{record.id}.json", record, samples(255, grey))
    return folder


@pytest.fixture
def write_report(tmp_path: Path) -> Callable[[Path], Path]:
    """Writes the report on a folder of runs, with one small plot."""

    def write(folder: Path) -> Path:
        stored, problems = read_records([folder])
        figure = Figure(figsize=(2, 2))
        figure.subplots().plot([1, 2])
        path = tmp_path / "report.html"
        plots = [Picture(figure_uri(figure), "rate and distortion")]
        shown = [(section, plots) for section in sections(stored)]
        path.write_text(page(shown, len(problems)), encoding="utf-8")
        return path

    return write
