"""Sounds as files to listen to, which say what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Int16

from storage.paths import StrPath
from storage.whole_files import replacing


def save_sound(path: StrPath, sound: Int16[np.ndarray, "c n"], sample_rate: int, about: str) -> None:
    """Write a sound as WAV, sample for sample, whose comment says what it is; makes the folder where it is missing.

    Args:
        sample_rate: in Hz.
    """
    import soundfile

    how = {"samplerate": sample_rate, "channels": len(sound), "subtype": "PCM_16", "format": "WAV"}
    with replacing(Path(path)) as temporary, soundfile.SoundFile(temporary, "w", **how) as file:
        file.comment = about
        file.write(sound.T)


def about_sound(path: StrPath) -> str | None:
    """What such a sound says it is; None of other files."""
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            return file.comment or None
    except (OSError, soundfile.LibsndfileError):
        return None
