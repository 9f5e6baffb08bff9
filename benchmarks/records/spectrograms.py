"""What sounds look like: the waveform of each above its spectrogram."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int16, UInt8

WIDTH, WAVEFORM, SPECTROGRAM = 256, 32, 96
"""Pixels: of a sound, and the heights of its two parts."""

WINDOW = 512
"""Samples of the Hann window."""

RANGE = 80.0
"""Decibels below the loudest of the original that are still to be seen."""


def pictures(rows: Mapping[str, Int16[np.ndarray, "n c samples"]]) -> dict[str, UInt8[np.ndarray, "n 3 h w"]]:
    """Of each sound its waveform above its spectrogram; the loudest of the first row's is black in all of a column.

    Args:
        rows: Label -> sounds of 16 bits, as many in every row; the mean of the channels is drawn.
    """
    mono = {name: sounds.astype(np.float64).mean(1) / 2**15 for name, sounds in rows.items()}
    loudest = [max(float(_magnitudes(sound).max()), 1e-6) for sound in next(iter(mono.values()))]
    return {
        name: np.stack([_picture(sound, top) for sound, top in zip(sounds, loudest, strict=True)])
        for name, sounds in mono.items()
    }


def _picture(sound: Float[np.ndarray, " samples"], loudest: float) -> UInt8[np.ndarray, "3 h w"]:
    decibels = 20 * np.log10(np.maximum(_magnitudes(sound), 1e-12) / loudest)
    grey = np.clip(-decibels / RANGE, 0, 1)
    edges = np.linspace(0, len(grey), SPECTROGRAM + 1).round().astype(int)[1:-1]
    bands = np.stack([part.mean(0) for part in np.split(grey, edges)])[::-1]
    both = np.concatenate([_waveform(sound), bands])
    return np.repeat((255 * both).round().astype(np.uint8)[None], 3, 0)


def _waveform(sound: Float[np.ndarray, " samples"]) -> Float[np.ndarray, "h w"]:
    """Black from the least to the greatest sample of each column of pixels."""
    columns = np.array_split(sound, WIDTH)
    place = (WAVEFORM - 1) / 2
    rows = np.arange(WAVEFORM)[:, None]
    low, high = (
        np.clip(np.round(place - place * np.array([of(part) for part in columns])), 0, WAVEFORM - 1)
        for of in (np.max, np.min)
    )
    return np.where((rows >= low) & (rows <= high), 0.0, 1.0)


def _magnitudes(sound: Float[np.ndarray, " samples"]) -> Float[np.ndarray, "frequencies w"]:
    padded = np.pad(sound, WINDOW // 2)
    starts = np.linspace(0, len(sound) - 1, WIDTH).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[starts]
    return np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)).T
