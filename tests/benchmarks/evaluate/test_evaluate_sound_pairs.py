"""`python -m benchmarks.evaluate --reference … --reconstruction …`: two folders of sounds."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from benchmarks.data.sounds.reading import resample
from benchmarks.metrics.si_sdr import si_sdr
from benchmarks.protocols.audio import fidelity
from benchmarks.records.arrays import read_arrays
from benchmarks.records.record import read_record

Evaluate = Callable[..., int]
Refused = Callable[..., str]
The = Callable[[Path, str], Path]

RATE = 16_000


@pytest.fixture(autouse=True)
def _without_visqol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fidelity, "has_visqol", lambda: False)  # it takes seconds


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    """Three sounds of other lengths, one in a folder of its own: chords that fade."""
    folder = tmp_path / "kept"
    (folder / "deep").mkdir(parents=True)
    for number, samples in enumerate((16_001, 12_000, 9_600)):
        times = np.arange(samples) / RATE
        pitches = 100 * (2 + number) * np.arange(1, 4)[:, None]
        chord = 0.2 * np.sin(2 * np.pi * pitches * times).sum(0) * np.exp(-3 * times)
        soundfile.write(folder / ("deep" if number == 1 else "") / f"{number}.flac", chord, RATE)
    return folder


@pytest.fixture
def made(originals: Path, tmp_path: Path) -> Path:
    """Reconstructions of them as WAV of floats: with noise."""
    random = np.random.default_rng(0)
    for path in originals.rglob("*.flac"):
        sound, _ = soundfile.read(path)
        to = (tmp_path / "made" / path.relative_to(originals)).with_suffix(".wav")
        to.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(to, sound + 0.01 * random.normal(size=len(sound)), RATE, subtype="FLOAT")
    return tmp_path / "made"


def _names(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*.flac"))


def test_folders_are_measured_as_they_are(
    originals: Path, made: Path, tmp_path: Path, evaluate: Evaluate, the: The, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--reference", originals, "--reconstruction", made, "--output", tmp_path / "out"]
    assert evaluate(*words) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "kept, 3 sounds at 16 kHz · trained elsewhere · protocol audio/1" in shown
    path = the(tmp_path / "out" / "elsewhere" / "kept", "made-*.json")
    record, arrays = read_record(path), read_arrays(path)
    expected = []
    for name in _names(originals):
        (before, _), (after, _) = soundfile.read(originals / name), soundfile.read(made / name.with_suffix(".wav"))
        expected.append(si_sdr(after[None], before[None]))
    np.testing.assert_allclose(arrays["sound/si_sdr"], expected, atol=1e-3)
    assert record.metrics["mel_distance"] > 0
    assert {record.metrics[name] for name in ("kbps", "kbps_file", "usage", "codes_per_second")} == {None}
    assert record.missing["kbps_file"] == "the reconstructions are no files of a codec"
    assert record.missing["kbps"].startswith("of reconstructions alone")
    assert record.quantizer.bits_per_position is None
    assert "made" not in record.notes
    assert evaluate(*words) == 0
    assert "done already" in capsys.readouterr().out


def test_the_files_of_a_codec_have_their_rate(
    originals: Path, made: Path, tmp_path: Path, evaluate: Evaluate, the: The
) -> None:
    bits = []
    for name in _names(originals):
        (made / name).with_suffix(".wav").unlink()
        sound, _ = soundfile.read(originals / name)
        soundfile.write((made / name).with_suffix(".ogg"), sound, RATE)
        bits.append(8 * (made / name).with_suffix(".ogg").stat().st_size / (len(sound) / RATE) / 1000)
    assert evaluate("--reference", originals, "--reconstruction", made, "--output", tmp_path / "out") == 0
    record = read_record(the(tmp_path / "out", "made-*.json"))
    assert record.metrics["kbps_file"] == pytest.approx(np.mean(bits))
    assert "kbps" in record.missing
    assert "3 of 3 files are in a format that loses detail" in record.notes["made"]


def test_another_rate_and_other_channels_are_brought_to_those_of_the_original(
    originals: Path, made: Path, tmp_path: Path, evaluate: Evaluate, the: The
) -> None:
    """24 kHz in stereo, whose mean is the sound: as good as what resampling keeps, and no more."""
    for name in _names(originals):
        sound, _ = soundfile.read(originals / name, dtype="float32")
        higher = resample(sound[None], RATE, 24_000)[0]
        stereo = np.stack([higher + 0.1, higher - 0.1], 1)
        soundfile.write((made / name).with_suffix(".wav"), stereo, 24_000, subtype="FLOAT")
    assert evaluate("--reference", originals, "--reconstruction", made, "--output", tmp_path / "out") == 0
    record = read_record(the(tmp_path / "out", "made-*.json"))
    assert record.metrics["si_sdr"] > 40
    assert record.data["sample_rate"] == RATE
    assert record.notes["made"] == "3 of 3 files were resampled to 16000 Hz"


def test_folders_that_do_not_go_together_are_refused(
    originals: Path, made: Path, tmp_path: Path, refused: Refused
) -> None:
    words = ["--reference", originals, "--reconstruction", made, "--output", tmp_path / "out"]
    whole = {path: path.read_bytes() for path in sorted(made.rglob("*.wav"))}
    first = made / "0.wav"

    first.unlink()
    assert "one reconstruction, of the same relative path" in refused(f"1 in {originals} only: 0", *words)
    sound, _ = soundfile.read(originals / "0.flac")
    soundfile.write(first, sound[:-1], RATE)
    error = refused("1 reconstructions longer or shorter than their originals: 0 (16001 samples at 16000 Hz", *words)
    assert "and 16000 at 16000 Hz" in error
    soundfile.write(first, resample(sound[None].astype(np.float32), RATE, 24_000)[0][:-2], 24_000)
    refused("(16001 samples at 16000 Hz and 24000 at 24000 Hz)", *words)
    soundfile.write(first, np.full(len(sound), np.nan), RATE, subtype="FLOAT")
    refused("1 unreadable: ", *words)
    first.write_bytes(whole[first][:-2_000])
    refused("cut off", *words)
    first.write_bytes(whole[first])
    second = made / "deep" / "1.wav"
    soundfile.write(second, np.zeros(18_001), 24_000)  # a sample too many, where 18,000 are as long
    refused("(12000 samples at 16000 Hz and 18001 at 24000 Hz)", *words)
    second.write_bytes(whole[second])

    soundfile.write(originals / "0.flac", sound, 8_000)
    refused("1 originals at 8000 Hz in mono: 0", *words)
    soundfile.write(originals / "0.flac", sound, RATE)
    Image.new("RGB", (8, 8)).save(originals / "cover.jpg")
    refused("holds pictures and sounds, which no protocol measures together", *words)
    (originals / "cover.jpg").unlink()
    (tmp_path / "empty").mkdir()
    refused("no sounds in", "--reference", originals, "--reconstruction", tmp_path / "empty")
    refused("no pictures and no sounds in", "--reference", tmp_path / "empty", "--reconstruction", made)
    refused("there is no folder", "--reference", tmp_path / "none", "--reconstruction", made)
    assert not list((tmp_path / "out").rglob("*.json"))
