"""The main command on sounds as a user runs it: rows beside codecs, samples to see and hear, kills, ranks, mistakes."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from random_codecs import randomize, saved
from three_ways import Start, three_ways

from benchmarks.compare import Arguments, main as compare
from benchmarks.data.machine import torch_threads
from benchmarks.data.sounds import opening
from benchmarks.evaluate.__main__ import main as evaluate
from benchmarks.protocols.audio import fidelity
from benchmarks.protocols.audio.measured import PROTOCOL
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import Record, read_record
from benchmarks.run import main
from benchmarks.training.loading import LoadedRun, load_run
from benchmarks.training.stored import configuration, open_own_data

SMOKE = ["--preset", "speech-smoke", "--cpu"]


@pytest.fixture(autouse=True)
def _without_visqol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fidelity, "has_visqol", lambda: False)  # it takes seconds


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """A folder of ten sounds of a second: chords that fade, two of them test."""
    folder = tmp_path / "sounds"
    folder.mkdir()
    times = np.arange(16_000) / 16_000
    for number in range(10):
        pitches = 100 * (2 + number) * np.arange(1, 4)[:, None]
        chord = 0.2 * np.sin(2 * np.pi * pitches * times).sum(0) * np.exp(-3 * times)
        soundfile.write(folder / f"{number}.wav", chord, 16_000)
    return folder


def _record(folder: Path, quantizer: str) -> tuple[Path, Record]:
    (path,) = folder.rglob(f"{quantizer}-60bit-*.json")
    return path, read_record(path)


def _run_here(*words: str) -> int:
    with torch_threads(1):
        return main(words)


def test_the_main_job_on_sounds(tmp_path: Path, sounds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row for the quantizer and each baseline, a picture, and a run that is read back as what it was."""
    words = [*SMOKE, "--quantizer", "rq", "--data", str(sounds), "--output", str(tmp_path / "runs")]
    assert _run_here(*words) == 0
    shown = capsys.readouterr().out
    for text in ("opus kbps=6", "mp3 kbps=8", "mdct-kmeans", "rq", "SI-SDR", "PESQ", "kbit/s", "× real time", "crops"):
        assert text in shown
    assert "img/s" not in shown
    path, record = _record(tmp_path / "runs", "rq")
    assert (record.protocol, record.data["sample_rate"], record.training.images) == (PROTOCOL, 16_000, 64)
    assert record.metrics["kbps"] == 3.0  # 60 bits at 50 positions a second
    assert record.quantizer.codes_per_position == 6
    arrays = read_arrays(path)
    assert arrays["samples/original"].shape == arrays["samples/reconstruction"].shape == (2, 1, 16_000)
    assert arrays["samples/original"].dtype == np.int16
    assert len(arrays["sound/si_sdr"]) == 2
    assert arrays["codebooks/usage"].shape == (6,)
    assert Image.open(path.with_suffix(".png")).width > 256
    assert (path.parent / "comparison.png").is_file()

    run = load_run(path)
    stored = torch.from_numpy(arrays["samples/original"]).float() / 2**15
    original = torch.from_numpy(soundfile.read(sounds / "0.wav", dtype="float32")[0])[None, None]
    torch.testing.assert_close(stored[:1], original, rtol=0, atol=1e-4)
    with torch.no_grad():
        made = run.tokenizer(original).reconstruction.clamp(-1, 1)[0]
    kept = torch.from_numpy(arrays["samples/reconstruction"][0]).float() / 2**15
    torch.testing.assert_close(made, kept, rtol=0, atol=1e-3)
    assert open_own_data(path, record, configuration(path, record).settings.data).record == record.data
    run.save_pretrained(tmp_path / "saved")
    again = LoadedRun.from_pretrained(tmp_path / "saved")
    assert torch.equal(again.tokenizer.encode(original)[0], run.tokenizer.encode(original)[0])
    card = (tmp_path / "saved" / "README.md").read_text()
    for text in ("audio-tokenizer", "audio-to-audio", "encode(sounds)", "3840 samples, random place, at 16,000 Hz"):
        assert text in card
    assert "2 sounds of sounds" in card

    assert _run_here(*words) == 0
    assert "done already" in capsys.readouterr().out

    assert compare(Arguments((tmp_path / "runs",), columns=("mel_distance", "kbps", "usage"))) == 0
    assert "mel ↓" in capsys.readouterr().out

    others = tmp_path / "others"
    others.mkdir()
    for number in range(3):  # at another rate, off the stride
        soundfile.write(others / f"{number}.wav", 0.3 * np.sin(np.arange(9_001) * (0.1 + 0.05 * number)), 8_000)
    words = [str(path), "--data", str(others), "--output", str(tmp_path / "evaluated"), "--cpu"]
    assert evaluate(words) == 0
    shown = capsys.readouterr().out
    assert "trained on sounds" in shown
    (found,) = (tmp_path / "evaluated").rglob("*.json")
    measured = read_record(found)
    assert (measured.protocol, measured.data["test"]["sounds"]) == (PROTOCOL, 3)
    assert measured.data["trained_on"]["name"] == "sounds"
    assert len(read_arrays(found)["sound/mel_distance"]) == 3
    assert evaluate(words) == 0
    assert "done already" in capsys.readouterr().out
    assert evaluate([*words, "--explain"]) == 2
    assert "--explain is for tokenizers of pictures" in " ".join(capsys.readouterr().err.split())


def test_a_codec_is_no_worse_at_more_bits(tmp_path: Path, sounds: Path) -> None:
    words = [*SMOKE, "--quantizer", "opus", "mdct-kmeans", "--bits", "3", "6"]
    assert _run_here(*words, "--data", str(sounds), "--output", str(tmp_path / "runs")) == 0
    records = [read_record(path) for path in (tmp_path / "runs").rglob("*-seed0-*.json")]
    opus = {each.config["options"]["kbps"]: each.metrics for each in records if each.quantizer.name == "opus"}
    kmeans = {each.config["bits"]: each.metrics for each in records if each.quantizer.name == "mdct-kmeans"}
    assert opus.keys() == {6, 12, 24, 48}
    assert opus[48]["mel_distance"] < opus[6]["mel_distance"]
    assert opus[48]["kbps"] > opus[6]["kbps"]
    assert kmeans[6]["si_sdr"] > kmeans[3]["si_sdr"]
    assert (kmeans[3]["kbps"], kmeans[6]["kbps"]) == pytest.approx((0.15, 0.3))
    assert not list((tmp_path / "runs").rglob("opus*.safetensors"))


@pytest.mark.slow
def test_a_published_codec_is_measured(tmp_path: Path, sounds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of random weights: its row says its rate, and nothing of how good the published ones are."""
    transformers = pytest.importorskip("transformers")
    weights = saved(randomize(transformers.EncodecModel(transformers.EncodecConfig())), tmp_path)
    words = ["--model", "encodec-24khz-1024x32", "--checkpoint", str(weights), "--data", str(sounds), "--limit", "2"]
    assert evaluate([*words, "--output", str(tmp_path / "runs"), "--cpu"]) == 0
    shown = capsys.readouterr().out
    assert "2 sounds at 24 kHz · trained elsewhere" in shown
    (found,) = (tmp_path / "runs").rglob("*.json")
    record = read_record(found)
    assert record.metrics["kbps"] == pytest.approx(24.0)  # 32 codes of 10 bits, 75 times a second
    assert (record.protocol, record.data["sample_rate"]) == (PROTOCOL, 24_000)
    assert evaluate([*words, "--image-size", "64"]) == 2
    assert "--image-size is for pictures" in " ".join(capsys.readouterr().err.split())


@pytest.mark.slow
def test_killed_and_on_two_ranks_it_is_the_same_run(tmp_path: Path, sounds: Path, start: Start) -> None:
    """Balanced losses and discriminators go on from the checkpoint exactly; two ranks differ by the sums' order."""
    words = [*SMOKE, "--data", str(sounds), "--train.images", "160", "--checkpoint-every", "2"]
    one, two = three_ways(tmp_path, start, "rq", words)
    assert two.metrics["mel_distance"] == pytest.approx(one.metrics["mel_distance"], rel=0.05)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--data", "nowhere"], "nowhere"),
        (["--quantizer", "mdct-kmeans", "--bits", "33"], "mdct-kmeans needs --bits"),
        (["--data.crop-samples", "1000"], "no multiples of the backbone's stride 320"),
        (["--data.sample-rate", "100"], "sample"),
        (["--loss.mel-bands", "5"], "bands must be as many as the 3 windows"),
    ],
)
def test_mistakes_are_sentences(words: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = _run_here(*SMOKE, *words)
    except SystemExit as stopped:
        code = stopped.code
    said = capsys.readouterr()
    assert code == 2
    assert expected in " ".join((said.err + said.out).split())
    assert "Traceback" not in said.err


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(opening, "find_spec", lambda name: None if name == "pesq" else True)
    assert _run_here(*SMOKE) == 2
    assert "sounds need pesq: pip install 'quantizer-zoo-benchmark[audio]'" in " ".join(capsys.readouterr().err.split())
