"""From files to samples: what each format gives, what is refused, what is said of the rest."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.data.sounds.reading import (
    Head,
    Recording,
    clipped_peaks,
    read_head,
    read_sound,
    remarks,
    resample,
    resampled_length,
    to_signal,
)


@pytest.mark.parametrize(
    ("suffix", "subtype", "step"),
    [
        ("wav", "PCM_16", 2**-15),
        ("wav", "PCM_24", 2**-23),
        ("wav", "PCM_32", 2**-24),
        ("wav", "FLOAT", 2**-25),
        ("wav", "DOUBLE", 2**-25),
        ("wav", "PCM_U8", 2**-7),
        ("flac", "PCM_16", 2**-15),
        ("flac", "PCM_24", 2**-23),
    ],
)
def test_samples_are_integers_over_full_scale(tmp_path: Path, tone, suffix: str, subtype: str, step: float) -> None:
    samples, path = tone(channels=2), tmp_path / f"a.{suffix}"
    soundfile.write(path, samples, 16_000, subtype=subtype)
    found = read_sound(path)
    assert found.sample_rate == 16_000
    assert found.samples.dtype == np.float32
    assert np.abs(found.samples.T - samples).max() <= step


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS", "MPEG_LAYER_III"])
def test_lossy_files_are_near_and_as_long(tmp_path: Path, tone, subtype: str) -> None:
    samples = tone(1.0, 48_000)
    path = tmp_path / ("a.mp3" if subtype == "MPEG_LAYER_III" else "a.ogg")
    soundfile.write(path, samples, 48_000, subtype=subtype)
    found = read_sound(path).samples.T
    assert found.shape == samples.shape
    assert np.corrcoef(found[:, 0], samples[:, 0])[0, 1] > 0.99  # 440 Hz: a delay of 100 samples would give 0.87


def test_stereo_becomes_mono_as_the_mean_and_mono_stereo_twice_the_same() -> None:
    pair = np.array([[0.5, 0.25], [0.1, -0.25]], np.float32)
    np.testing.assert_array_equal(to_signal(Recording(pair, 8000), 8000, 1), [[np.float32(0.3), 0.0]])
    np.testing.assert_array_equal(to_signal(Recording(pair, 8000), 8000, 2), pair)
    np.testing.assert_array_equal(to_signal(Recording(pair[:1], 8000), 8000, 2), pair[[0, 0]])


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 96_000, 192_000])
def test_resampled_tones_are_the_tones_at_the_other_rate(rate: int, tone) -> None:
    there = tone(0.5, rate).T.astype(np.float32)
    found = resample(there, rate, 16_000)
    assert found.shape[1] == resampled_length(Head(there.shape[1], rate), 16_000)
    exact = tone(0.5, 16_000).T[:, : found.shape[1]]
    inner = slice(800, -800)  # the ends ring: there the tone is cut
    assert np.abs(found - exact)[:, inner].max() < 1e-4


def test_what_no_player_has_is_clamped_after_mixing_and_resampling() -> None:
    loud = np.array([[1.5, -3.0], [-1.5, 3.0]], np.float32)
    np.testing.assert_array_equal(to_signal(Recording(loud, 8000), 8000, 2), [[1, -1], [-1, 1]])
    np.testing.assert_array_equal(to_signal(Recording(loud, 8000), 8000, 1), [[0, 0]])
    square = np.sign(np.sin(np.arange(4000) / 20))[None].astype(np.float32)
    assert np.abs(resample(square, 16_000, 12_000)).max() > 1.05  # rings
    assert np.abs(to_signal(Recording(square, 16_000), 12_000, 1)).max() == 1


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.zeros((0, 1)), "no samples"),
        (np.array([[0.1], [np.nan], [0.2]]), "NaN or infinite"),
        (np.array([[0.1], [-np.inf], [0.2]]), "NaN or infinite"),
        (np.array([[100.0], [-32_768.0]]), "a peak of 32768"),
        (np.full((400, 6), 0.1), "6 channels"),
    ],
)
def test_samples_that_no_player_could_play_are_refused(tmp_path: Path, samples: np.ndarray, words: str) -> None:
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    with pytest.raises(ValueError, match=words):
        read_sound(tmp_path / "a.wav")


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", ["a.wav", "float.wav", "a.flac", "a.ogg", "opus.ogg", "a.mp3"])
def test_a_cut_file_is_refused(tmp_path: Path, name: str, share: float) -> None:
    subtype = {"float.wav": "FLOAT", "opus.ogg": "OPUS"}.get(name)
    noise = 0.1 * np.random.default_rng(0).standard_normal(24_000)
    soundfile.write(tmp_path / name, noise, 16_000, subtype=subtype)
    assert read_sound(tmp_path / name).samples.shape == (1, 24_000)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ValueError, match=r"cut off|empty|known format|lost sync|no samples|malformed"):
        read_sound(tmp_path / name)


def test_a_wav_whose_length_was_never_written_is_whole(tmp_path: Path, tone) -> None:
    soundfile.write(tmp_path / "a.wav", tone(), 16_000)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[4:8] = data[40:44] = b"\xff" * 4  # as ffmpeg writes into a pipe
    (tmp_path / "a.wav").write_bytes(data)
    assert read_sound(tmp_path / "a.wav").samples.shape == (1, 8000)


@pytest.mark.parametrize(("name", "subtype"), [("a.aiff", "PCM_16"), ("a.au", "PCM_16")])
def test_another_format_under_a_known_name_is_refused(tmp_path: Path, tone, name: str, subtype: str) -> None:
    soundfile.write(tmp_path / name, tone(), 16_000, subtype=subtype)
    with pytest.raises(ValueError, match="only WAV, FLAC, Ogg and MP3"):
        read_sound((tmp_path / name).rename(tmp_path / "a.wav"))
    with pytest.raises(ValueError, match="only WAV, FLAC, Ogg and MP3"):
        read_head(tmp_path / "a.wav")


def test_what_is_to_be_known_of_a_sound_is_said(tone) -> None:
    fine = tone().T.astype(np.float32)
    assert remarks(Recording(fine, 16_000), 16_000) == []
    assert remarks(Recording(fine, 8_000), 16_000) == ["8000 Hz: nothing above 4000 Hz"]
    assert remarks(Recording(2.0**-16 * fine, 16_000), 16_000) == ["silent"]
    assert remarks(Recording(4 * fine, 16_000), 16_000) == ["beyond ±1, clamped (peak 2)"]
    clipped = remarks(Recording(np.clip(4 * fine, -1, 1), 16_000), 16_000)
    assert clipped == ["clipped (440 peaks)"]  # two of each of 440 · 0.5 periods


def test_clipped_peaks_are_runs_of_equal_neighbours_at_full_scale() -> None:
    top = np.float32(32_767 / 32_768)
    for run, count in ([1, 0], [2, 0], [3, 1], [9, 1]):
        sound = np.array([[0.5] + [top] * run + [0.5]], np.float32)
        assert clipped_peaks(sound) == count
    assert clipped_peaks(np.array([[-1, -1, -1, 1, 1, 1, 0, 1]], np.float32)) == 2
    assert clipped_peaks(np.array([[0.9] * 9], np.float32)) == 0
    assert clipped_peaks(np.array([[0, 1, 1, 1], [1, 0, 0, 0]], np.float32)) == 1  # channels do not touch


def test_a_head_tells_the_length_of_what_is_read(tmp_path: Path, tone) -> None:
    for name in ("a.wav", "a.flac", "a.ogg", "a.mp3"):
        soundfile.write(tmp_path / name, tone(0.7), 16_000)
        assert read_head(tmp_path / name) == (11_200, 16_000)
