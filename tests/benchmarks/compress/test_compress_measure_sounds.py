"""`compress measure` on sounds: runs, Opus and MP3 on whole files, stored once, resumed, shown."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.compress import measure as command, measured_sounds, show
from benchmarks.compress.__main__ import main
from benchmarks.data.machine import torch_threads
from benchmarks.protocols.audio import fidelity
from benchmarks.records.arrays import read_arrays
from benchmarks.records.compression import Compression, read_compression

Captured = pytest.CaptureFixture[str]
Measure = Callable[..., int]


@pytest.fixture
def measure(speech: Path, tmp_path: Path) -> Measure:
    """The command on one thread of the CPU, on three sounds, into results/."""

    def call(*words: object) -> int:
        given = ["measure", "--data", str(speech), "--limit", "3", "--cpu", "-o", str(tmp_path / "results")]
        with torch_threads(1):
            return main([*given, *map(str, words)])

    return call


@pytest.fixture(autouse=True)
def _little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fidelity, "has_visqol", lambda: False)  # it takes seconds
    monkeypatch.setattr(measured_sounds, "BITRATES", {"opus": (6_000, 24_000), "mp3": (8_000,)})


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take most of the time of a small measurement."""
    monkeypatch.setattr(show, "save_figures", lambda *_: [])


def stored(folder: Path) -> dict[str, tuple[Path, Compression]]:
    found = [(path, read_compression(path)) for path in sorted((folder / "results").rglob("*.json"))]
    return {record.heading: (path, record) for path, record in found}


def test_a_run_beside_codecs_is_measured_once_and_shown(
    speech_run: Path, speech: Path, measure: Measure, compress: Measure, tmp_path: Path, capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert measure("--run", speech_run) == 0
    said = capsys.readouterr()
    found = stored(tmp_path)
    rates = {heading: len(record.points) for heading, (_, record) in found.items()}
    run = "rq shared=False 20 bits (speech-smoke)"
    assert rates == {"Opus": 2, "MP3": 1, f"{run}, fixed-length": 2, f"{run}, histogram": 2}
    for path, record in found.values():
        assert path.parent == tmp_path / "results" / "compression" / speech.name
        assert (record.signal, record.data["sounds"], record.data["sample_rate"]) == ("sounds", 3, 16_000)
        arrays = read_arrays(path)
        for point in record.points:
            assert arrays[f"{point.name}/bytes"].shape == (3,)
            assert point.metrics["kbps"] == pytest.approx(arrays[f"{point.name}/kbps"].mean())
            assert point.metrics["si_sdr"] == pytest.approx(arrays[f"{point.name}/si_sdr"].mean())
            assert point.metrics["encode_realtime"] > 0
    assert "kbit/s ↓" in said.out
    assert "BD-rate" not in said.out
    assert {path.name for path in (tmp_path / "results" / "compression").glob("*.png")} == {
        f"compression-{speech.name}.png"
    }
    one, two = (found[f"{run}, fixed-length"][1].point(f"{count}").metrics for count in ("1 code", "2 codes"))
    assert one["model_bits"] == pytest.approx(two["model_bits"] / 2)

    files = tmp_path / "files"
    assert compress("encode", speech / "0.wav", "--run", speech_run, "-o", files) == 0
    path, _ = found[f"{run}, histogram"]
    assert (files / "0.qz").stat().st_size == read_arrays(path)["2 codes/bytes"][0]

    monkeypatch.setattr(command, "coded", None)
    assert measure("--run", speech_run) == 0
    assert "7 of 7 rates are measured already" in capsys.readouterr().err
    assert main(["measure", "--report", "-o", str(tmp_path / "results"), "--format", "csv"]) == 0
    (tmp_path / "table.csv").write_text(capsys.readouterr().out)
    table = pd.read_csv(tmp_path / "table.csv")
    assert len(table) == 7
    assert set(table["sounds"]) == {3}
    assert table["kbps"].notna().all()


@pytest.mark.usefixtures("undrawn")
def test_a_stopped_command_goes_on_at_the_rate_where_it_was(
    speech_run: Path, measure: Measure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, coded = 0, command.coded

    def stopping(*given: object) -> dict[str, float]:
        nonlocal calls
        calls += 1
        if calls == 3 + 2:  # in the second bitrate
            raise KeyboardInterrupt
        return coded(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(command, "coded", stopping)
    words = ["--run", speech_run, "--codec", "opus"]
    assert measure(*words) == 130
    (path, record) = stored(tmp_path)["Opus"]
    assert [point.setting for point in record.points] == [{"kbps": 6}]
    first = read_arrays(path)
    assert measure(*words) == 0
    (path, record) = stored(tmp_path)["Opus"]
    assert [point.setting for point in record.points] == [{"kbps": 6}, {"kbps": 24}]
    second = read_arrays(path)
    assert all(np.array_equal(second[name], values, equal_nan=True) for name, values in first.items())


@pytest.mark.usefixtures("undrawn")
def test_runs_of_another_rate_are_named_and_left_out_and_those_of_codecs_passed_over(
    speech_run: Path, measure: Measure, tmp_path: Path, capsys: Captured
) -> None:
    record = json.loads(speech_run.read_text())
    changed = {
        "zz-other": {"data": {**record["data"], "sample_rate": 24_000}},
        "zz-codec": {"quantizer": {**record["quantizer"], "name": "opus"}},
    }
    for name, fields in changed.items():
        speech_run.with_name(f"{name}.json").write_text(json.dumps({**record, "id": name, **fields}))
    assert measure("--run", speech_run.parent, "--codec") == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "zz-other.json: a tokenizer of 1 channel(s) at 24,000 Hz, where the first run has 1 at 16,000 Hz" in said
    assert "zz-codec" not in said
    assert {heading.partition(" ")[0] for heading in stored(tmp_path)} == {"rq"}


def test_codecs_of_another_signal_are_a_mistake(speech_run: Path, measure: Measure, capsys: Captured) -> None:
    assert measure("--run", speech_run, "--codec", "jpeg") == 2
    assert "jpeg: no codec of sounds, which have opus, mp3" in " ".join(capsys.readouterr().err.split())
    assert measure("--codec", "opus") == 2
    assert "opus: no codec of pictures, which have jpeg" in " ".join(capsys.readouterr().err.split())
