"""What sounds look like: where a tone is dark, and that loudness is the original's."""

import numpy as np

from benchmarks.records.samples import draw_samples, save_samples
from benchmarks.records.spectrograms import SPECTROGRAM, WAVEFORM, WIDTH, pictures


def tone(hertz: float, peak: float = 0.5, samples: int = 16_000) -> np.ndarray:
    return (2**15 * peak * np.sin(2 * np.pi * hertz * np.arange(samples) / 16_000)).astype(np.int16)


def test_a_tone_is_dark_at_its_frequency_and_silence_is_white() -> None:
    sounds = np.stack([tone(2_000), np.zeros(16_000, np.int16)])[:, None]
    drawn = pictures({"original": sounds})["original"]
    assert drawn.shape == (2, 3, WAVEFORM + SPECTROGRAM, WIDTH)
    spectrum = drawn[0, 0, WAVEFORM:, WIDTH // 2]
    darkest = SPECTROGRAM - 1 - int(spectrum.argmin())  # rows from 0 Hz on
    assert abs(darkest - 2_000 / 8_000 * SPECTROGRAM) <= 1
    assert (drawn[1, :, WAVEFORM:] == 255).all()
    waveform = drawn[0, 0, :WAVEFORM, WIDTH // 2] == 0
    assert abs(int(waveform.sum()) - WAVEFORM / 2) <= 2  # from -0.5 to 0.5


def test_a_quieter_reconstruction_is_lighter() -> None:
    rows = {"original": tone(1_000)[None, None], "quiet": tone(1_000, 0.005)[None, None]}
    drawn = pictures(rows)
    loud, quiet = (drawn[name][0, 0, WAVEFORM:].min() for name in rows)
    assert loud < quiet < 255
    assert abs((int(quiet) - int(loud)) / 255 * 80 - 40) < 4  # a hundredth is 40 dB of the 80 that are drawn


def test_sounds_and_pictures_are_told_apart_by_what_is_stored(tmp_path) -> None:
    sounds = {"original": np.zeros((2, 1, 4_000), np.int16), "rq": np.zeros((2, 1, 4_000), np.int16)}
    photographs = {"original": np.zeros((2, 3, 8, 8), np.uint8), "rq": np.zeros((2, 3, 8, 8), np.uint8)}
    assert draw_samples(sounds).width > 2 * WIDTH
    assert draw_samples(photographs).width < 2 * WIDTH + 100
    save_samples(tmp_path / "sounds.png", sounds)
    assert (tmp_path / "sounds.png").is_file()
