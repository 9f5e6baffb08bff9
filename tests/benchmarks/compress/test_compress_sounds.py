"""Sounds as files of codes, as a user makes and reads them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from benchmarks import load_run
from benchmarks.data.machine import torch_threads
from benchmarks.data.sounds.reading import read_sound, to_signal
from benchmarks.generate.__main__ import main as generate
from benchmarks.protocols.audio.coded import in_16_bits, with_whole_strides
from benchmarks.records.arrays import read_arrays, write_arrays
from benchmarks.records.sound_files import about_sound

Compress = Callable[..., int]
Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="session")
def sound_run(trained_on_speech: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the run on speech, with a prior on its codes."""
    folder = shutil.copytree(trained_on_speech, tmp_path_factory.mktemp("compress sounds") / "run")
    (record,) = folder.glob("rq-*.json")
    with torch_threads(1):
        assert generate(["--run", str(record), "--cpu"]) == 0
    return record


@pytest.fixture(scope="session")
def odd_sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: one sample, silence, stereo at another rate, a FLAC, an MP3 in a folder of its own."""
    folder = tmp_path_factory.mktemp("odd sounds")
    random = np.random.default_rng(0)

    def noise(*shape: int) -> np.ndarray:
        return 0.1 * random.standard_normal(shape)

    soundfile.write(folder / "sample.wav", noise(1), 16_000)
    soundfile.write(folder / "silence.wav", np.zeros(5_000), 16_000)
    soundfile.write(folder / "stereo.ogg", noise(44_100, 2), 44_100)
    soundfile.write(folder / "off.flac", noise(9_601), 16_000)
    (folder / "below").mkdir()
    soundfile.write(folder / "below" / "low.mp3", noise(4_000), 8_000)
    (folder / "notes.txt").write_text("no sound")
    return folder


def files_of(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in folder.rglob("*") if path.suffix not in ("", ".txt")}


@pytest.mark.parametrize("words", [[], ["--fixed-length"], ["--prior", "gpt"]], ids=["histogram", "fixed", "prior"])
def test_a_folder_of_odd_sounds_comes_back_as_the_tokenizer_decodes_it(
    words: list[str], sound_run: Path, odd_sounds: Path, compress: Compress, tmp_path: Path, capsys: Captured
) -> None:
    assert compress("encode", odd_sounds, "--run", sound_run, "-o", tmp_path / "files", *words) == 0
    files = sorted((tmp_path / "files").iterdir())
    originals = files_of(odd_sounds)
    assert [file.name for file in files] == sorted(f"{name}.qz" for name in originals)
    assert capsys.readouterr().out.count("kbit/s") == 5
    prior = [word for word in words if word != "--fixed-length"]
    assert compress("decode", *files, "--run", sound_run, "-o", tmp_path / "back", *prior) == 0
    assert "s at 16,000 Hz, mono" in capsys.readouterr().out
    run = load_run(sound_run)
    for name, path in originals.items():
        signal = torch.from_numpy(to_signal(read_sound(path), 16_000, 1))
        with torch.no_grad(), torch_threads(1):
            whole = with_whole_strides(run.tokenizer, signal)
            expected = run.tokenizer.decode(run.tokenizer.encode(whole))[0, :, : signal.shape[1]].clamp(-1, 1)
        found, rate = soundfile.read(tmp_path / "back" / f"{name}.wav", dtype="int16", always_2d=True)
        assert rate == 16_000
        np.testing.assert_allclose(found.T, in_16_bits(expected), atol=1)
    assert about_sound(tmp_path / "back" / "off.wav") == f"decoded by {run.record.id}"


@pytest.mark.slow
def test_another_process_with_other_threads_decodes_the_same(
    sound_run: Path, odd_sounds: Path, compress: Compress, tmp_path: Path
) -> None:
    words = ["--run", str(sound_run), "--prior", "gpt"]
    assert compress("encode", odd_sounds / "stereo.ogg", *words, "-o", tmp_path) == 0
    for threads in ("1", "2"):
        decode = ["decode", str(tmp_path / "stereo.qz"), *words, "--cpu", "-o", str(tmp_path / threads)]
        command = [sys.executable, "-m", "benchmarks.compress", *decode]
        subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": threads}, timeout=120)
    one, two = (soundfile.read(tmp_path / threads / "stereo.wav", dtype="int16")[0] for threads in ("1", "2"))
    np.testing.assert_allclose(one, two, atol=1)  # the codes are the same; sums may round another way


def test_what_cannot_be_done_is_named_and_the_rest_is_done(
    sound_run: Path, odd_sounds: Path, compress: Compress, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "words.wav").write_text("no sound")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16_000)
    words = ["--run", sound_run, "-o", tmp_path / "files"]
    off = odd_sounds / "off.flac"
    assert compress("encode", tmp_path / "words.wav", off, tmp_path / "empty.wav", tmp_path / "none.wav", *words) == 1
    said = capsys.readouterr().err
    assert "words.wav: no sound in a known format" in said
    assert "empty.wav: no samples" in said
    assert "none.wav: No such file" in said
    data = (tmp_path / "files" / "off.qz").read_bytes()
    (tmp_path / "cut.qz").write_bytes(data[:-3])
    (tmp_path / "altered.qz").write_bytes(data[:20] + bytes([data[20] ^ 1]) + data[21:])
    for name in ("cut", "altered"):
        assert compress("decode", tmp_path / f"{name}.qz", "--run", sound_run, "-o", tmp_path) == 1
        assert f"{name}.qz: cut or altered" in capsys.readouterr().err
        assert not (tmp_path / f"{name}.wav").exists()
    (tmp_path / "no sounds").mkdir()
    assert compress("encode", tmp_path / "no sounds", *words) == 2
    assert "a folder without sounds" in " ".join(capsys.readouterr().err.split())


def test_files_of_another_tokenizer_are_refused(
    sound_run: Path, compress_home: Path, run_of: Callable[[str], Path], odd_sounds: Path, compress: Compress,
    tmp_path: Path, capsys: Captured,
) -> None:  # fmt: skip
    assert compress("encode", odd_sounds / "off.flac", "--run", sound_run, "-o", tmp_path) == 0
    picture = compress_home / "61x40.png"
    assert compress("encode", picture, "--run", run_of("fsq"), "-o", tmp_path) == 0
    for file, run in ((tmp_path / "off.qz", run_of("fsq")), (tmp_path / "61x40.qz", sound_run)):
        assert compress("decode", file, "--run", run, "-o", tmp_path / "back") == 1
        assert "made by another tokenizer" in capsys.readouterr().err
    assert compress("encode", picture, "--run", sound_run, "-o", tmp_path, "--force") == 1
    assert "no sound in a known format" in capsys.readouterr().err


def test_a_run_without_counts_says_what_to_give(
    speech_run: Path, odd_sounds: Path, compress: Compress, tmp_path: Path, capsys: Captured
) -> None:
    arrays = read_arrays(speech_run)
    del arrays["code_counts"]
    write_arrays(speech_run, arrays)
    words = ["encode", odd_sounds / "off.flac", "--run", speech_run, "-o", tmp_path]
    assert compress(*words) == 2
    assert "has no counts of its codes" in " ".join(capsys.readouterr().err.split())
    assert compress(*words, "--fixed-length") == 0
