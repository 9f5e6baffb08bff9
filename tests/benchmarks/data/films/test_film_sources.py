"""Films in tar files and Hugging Face data sets are the films that they hold."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.data.films import FilmConfig, open_films, open_test_films


def config(source: Path | str, tmp_path: Path) -> FilmConfig:
    return FilmConfig(source=str(source), frame_size=48, clip_frames=8, workers=0, root=tmp_path / "cache")


def test_a_packed_folder_is_the_folder(made: Path, tmp_path: Path, console) -> None:
    tar = tmp_path / "films.tar"
    subprocess.run(["tar", "cf", tar, "-C", made, "."], check=True)
    loose, packed = (open_films(config(source, tmp_path), console) for source in (made, tar))
    assert loose.record.pop("source") != packed.record.pop("source")
    assert loose.record == packed.record
    assert all(torch.equal(loose.test[number], packed.test[number]) for number in range(len(loose.test)))


def test_saved_rows_are_their_files(made: Path, tmp_path: Path, console) -> None:
    datasets = pytest.importorskip("datasets")
    paths = sorted(path for path in made.rglob("*.*") if path.is_file())
    contents = [{"bytes": path.read_bytes(), "path": path.name} for path in paths] + [{"bytes": b"junk", "path": None}]
    as_stored = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
    rows = datasets.Dataset.from_dict({"film": contents}, features=datasets.Features({"film": as_stored}))
    rows.cast_column("film", datasets.Video()).save_to_disk(str(tmp_path / "saved"))
    saved, loose = (open_test_films(config(source, tmp_path), console=console) for source in (tmp_path / "saved", made))
    assert saved.record["test"]["skipped"] == {"rows[7]": "no film in a known format, or damaged at its begin"}
    assert saved.test.name(0) == "rows[0] at 0.00 s"
    assert len(saved.test) == len(loose.test)
    for number in range(len(saved.test)):
        np.testing.assert_array_equal(saved.test[number].numpy(), loose.test[number].numpy())
