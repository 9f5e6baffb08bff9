"""`compress measure` on films: runs, H.264, HEVC and AV1 on whole files, stored once, shown."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from film_files import grey_film

from benchmarks.compress import measure as command, measured_films
from benchmarks.compress.__main__ import main
from benchmarks.data.machine import torch_threads
from benchmarks.records.arrays import read_arrays
from benchmarks.records.compression import read_compression

Captured = pytest.CaptureFixture[str]


def test_a_run_beside_codecs_is_measured_once_and_shown(
    film_run: Callable[[str], Path], tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured_films, "QUALITIES", {"h264": (18, 39), "hevc": (39,), "av1": (59,)})
    films, path = tmp_path / "films", film_run("rq")
    grey_film(films / "0.mp4", 9, height=34, width=50)
    grey_film(films / "1.mkv", 20, rate=24)
    (films / "2.mp4").write_text("no film")
    words = ["measure", "--data", str(films), "--cpu", "-o", str(tmp_path / "results"), "--run", str(path)]
    with torch_threads(1):
        assert main(words) == 0
    said = capsys.readouterr()
    assert "2.mp4" in said.err
    stored = {
        read_compression(file).heading: file for file in (tmp_path / "results" / "compression" / "films").glob("*.json")
    }
    found = {heading: read_compression(file) for heading, file in stored.items()}
    run = "rq 10 bits (video-smoke)"
    rates = {heading: [point.name for point in record.points] for heading, record in found.items()}
    several = [f"{count} code{'s' * (count > 1)}" for count in range(1, 1 + len(rates[f"{run}, histogram"]))]
    assert rates == {
        "H.264": ["crf 39", "crf 18"],
        "HEVC": ["crf 39"],
        "AV1": ["crf 59"],
        f"{run}, fixed-length": several,
        f"{run}, histogram": several,
    }
    for heading, record in found.items():
        assert (record.signal, record.data["films"], record.data["frames"]) == ("films", 2, 29)
        arrays = read_arrays(stored[heading])
        for point in record.points:
            assert arrays[f"{point.name}/bytes"].shape == (2,)
            assert point.metrics["bpp"] == pytest.approx(arrays[f"{point.name}/bpp"].mean())
            assert point.metrics["psnr"] > 5
            assert point.metrics["decode_frames_per_second"] > 0
    best, worst = (found["H.264"].point(f"crf {factor}").metrics for factor in (18, 39))
    assert best["psnr"] >= worst["psnr"]
    for text in ("bits/pixel ↓", "kbit/s ↓", "flicker ↓", "encode frames/s ↑", "Each rate · films, 2 whole films"):
        assert text in " ".join(said.out.split())
    assert "BD-rate" not in said.out
    assert (tmp_path / "results" / "compression" / "compression-films.png").is_file()

    files = tmp_path / "files"
    with torch_threads(1):
        assert main(["encode", str(films / "0.mp4"), "--run", str(path), "-o", str(files), "--cpu"]) == 0
    last = f"{several[-1]}/bytes"
    assert (files / "0.qz").stat().st_size == read_arrays(stored[f"{run}, histogram"])[last][0]
    capsys.readouterr()

    monkeypatch.setattr(command, "coded", None)
    assert main(words) == 0
    assert "rates are measured already" in capsys.readouterr().err
    assert main(["measure", "--report", "-o", str(tmp_path / "results"), "--format", "csv"]) == 0
    (tmp_path / "table.csv").write_text(capsys.readouterr().out)
    table = pd.read_csv(tmp_path / "table.csv")
    assert len(table) == 4 + 2 * len(several)
    assert table["kbps"].notna().all()


def test_codecs_of_another_signal_are_a_mistake(
    film_run: Callable[[str], Path], tmp_path: Path, capsys: Captured
) -> None:
    words = [
        "measure",
        "--data",
        str(tmp_path),
        "--cpu",
        "-o",
        str(tmp_path / "results"),
        "--run",
        str(film_run("fsq")),
    ]
    assert main([*words, "--codec", "jpeg"]) == 2
    assert "jpeg: no codec of films, which have h264, hevc, av1" in " ".join(capsys.readouterr().err.split())
