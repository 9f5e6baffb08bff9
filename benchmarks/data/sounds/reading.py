"""From a sound file to the float32 samples that are trained or measured on, and what is to be said of it.

The rules, in this order: a file is decoded whole (integers of b bits over 2^(b - 1)); stereo becomes mono as the mean
of both channels, mono becomes stereo twice the same; then soxr resamples; then what is beyond [-1, 1] is clamped, for
no player has more. NaN, more than two channels (which of them is where is not agreed upon), files cut off, and floats
that are no samples in [-1, 1] at all are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from benchmarks.data.files import File, reading, require_content

FORMATS = ("WAV", "WAVEX", "RF64", "FLAC", "OGG", "MP3", "MPEG")
"""As libsndfile calls them; it decodes others too, some of which have no agreed loudness."""

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3"})

RESAMPLING = "soxr VHQ, whole files"
"""In the words of the record."""

LOUDEST = 16.0
"""Peak above which floats are no samples in [-1, 1], but integers in the guise of floats; 24 dB above full scale."""

SILENCE = 2.0**-15
"""Peak below which a sound is silent: a step of 16 bits."""

FULL_SCALE, CLIPPED_RUN = 1 - 2.0**-15, 3
"""Equal neighbours at full scale, at least so many, are a clipped peak."""

ENDLESS = (0, 2**32 - 1)
"""Lengths that programs write before they know how much follows."""


class Recording(NamedTuple):
    """A sound as it is stored.

    Attributes:
        samples: (channels, n), 1 or 2 channels, not clamped.
        sample_rate: in Hz.
    """

    samples: Float32[np.ndarray, "c n"]
    sample_rate: int


class Head(NamedTuple):
    """What the head of a file tells: samples of a channel, their rate in Hz."""

    samples: int
    sample_rate: int


def read_head(stored: File) -> Head:
    """Of a file that is not decoded. Raises ValueError for one that cannot be used."""
    with _opened(stored) as file:
        return Head(file.frames, file.samplerate)


def read_sound(stored: File) -> Recording:
    """A file, whole.

    Raises:
        ValueError: no sound in a known format, damaged, cut off, without samples, of more than two channels, with NaN
            or infinity, or no samples in [-1, 1].
    """
    with _opened(stored) as file:
        samples = file.read(dtype="float32", always_2d=True).T
        _require_whole(stored, file.format, file.extra_info)
        if samples.shape[1] < file.frames:
            raise ValueError(f"cut off: {samples.shape[1]} of {file.frames} samples")
        recording = Recording(np.ascontiguousarray(samples), file.samplerate)
    require_samples(recording)
    return recording


def require_samples(recording: Recording) -> None:
    """Raise ValueError where there are none, or they are not such as a player could play."""
    if recording.samples.shape[1] == 0:
        raise ValueError("no samples")
    peak = np.abs(recording.samples).max()  # not a number where any sample is none
    if not np.isfinite(peak):
        raise ValueError("samples that are NaN or infinite")
    if peak > LOUDEST:
        raise ValueError(f"a peak of {peak:g}: these are no samples in [-1, 1]")


def to_signal(recording: Recording, sample_rate: int, channels: int) -> Float32[np.ndarray, "channels n"]:
    """The samples that a tokenizer gets: mixed, resampled, clamped to [-1, 1].

    Args:
        sample_rate: in Hz.
        channels: 1 or 2.

    Raises:
        ValueError: no sample is left.
    """
    samples = recording.samples
    if channels == 1:
        samples = samples.mean(0, keepdims=True)
    elif len(samples) == 1:
        samples = np.repeat(samples, 2, 0)
    signal = np.clip(resample(samples, recording.sample_rate, sample_rate), -1, 1)
    if not signal.size:
        raise ValueError("so short that nothing is left at the other rate")
    return signal


def resample(samples: Float32[np.ndarray, "c n"], old_rate: int, new_rate: int) -> Float32[np.ndarray, "c m"]:
    """The same sound at another rate, by soxr at its highest quality (linear phase): n · new / old samples, rounded."""
    if old_rate == new_rate:
        return samples
    import soxr

    return np.ascontiguousarray(soxr.resample(samples.T, old_rate, new_rate, quality="VHQ").T)


def resampled_length(head: Head, sample_rate: int) -> int:
    """Samples of a channel once it is resampled, to one."""
    return (2 * head.samples * sample_rate + head.sample_rate) // (2 * head.sample_rate)  # soxr rounds halves up


def remarks(recording: Recording, sample_rate: int) -> list[str]:
    """What to know of a sound that is used all the same: silence, clipping, peaks beyond ±1, no upper frequencies.

    Args:
        sample_rate: that it is resampled to, in Hz.
    """
    said = []
    peak = float(np.abs(recording.samples).max())
    if peak < SILENCE:
        said.append("silent")
    if peak > 1:
        said.append(f"beyond ±1, clamped (peak {peak:.3g})")
    elif clipped := clipped_peaks(recording.samples):
        said.append(f"clipped ({clipped} peak{'s' if clipped > 1 else ''})")
    if recording.sample_rate < sample_rate:
        said.append(f"{recording.sample_rate} Hz: nothing above {recording.sample_rate / 2:g} Hz")
    return said


def clipped_peaks(samples: Float32[np.ndarray, "c n"]) -> int:
    """Runs of `CLIPPED_RUN` equal neighbours or more at full scale, in all channels."""
    full = np.pad(np.abs(samples) >= FULL_SCALE, ((0, 0), (1, 1)))
    same = np.pad(samples, ((0, 0), (1, 1)))
    together = full[:, 1:] & full[:, :-1] & (same[:, 1:] == same[:, :-1])  # of neighbours
    edges = np.diff(np.pad(together, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    lengths = np.nonzero(edges == -1)[1] - np.nonzero(edges == 1)[1] + 1
    return int((lengths >= CLIPPED_RUN).sum())


@contextmanager
def _opened(stored: File) -> Iterator[Any]:
    """A file by soundfile, whose errors become ValueErrors without the machine's paths."""
    import soundfile

    with reading(stored) as source:
        require_content(source)
        try:
            file = soundfile.SoundFile(source)
        except soundfile.LibsndfileError as error:  # of MP3 its words would be that there is no such file
            raise ValueError("no sound in a known format, or damaged at its begin") from error
        with file:
            if file.format not in FORMATS:
                raise ValueError(f"a {file.format} file: only WAV, FLAC, Ogg and MP3 are read")
            if file.channels > 2:
                raise ValueError(
                    f"{file.channels} channels: only of one and two it is agreed where they are; mix them down first"
                )
            try:
                yield file
            except soundfile.LibsndfileError as error:
                raise ValueError(error.error_string) from error


def _require_whole(stored: File, known: str, log: str) -> None:
    """Raise ValueError where the end of a file is missing, which libsndfile says of FLAC alone.

    A cut MP3 shows where its head counts samples, which most encoders write.
    """
    if known in ("WAV", "WAVEX"):
        sizes = re.search(r"^data : (\d+) \(should be (\d+)\)", log, re.MULTILINE)
        if sizes and int(sizes[1]) > int(sizes[2]) and int(sizes[1]) not in ENDLESS:
            raise ValueError(f"cut off: {sizes[2]} of {sizes[1]} bytes")
    elif known == "OGG" and not _ends_ogg(stored):
        raise ValueError("cut off: the last page is not the stream's end")


def _ends_ogg(stored: File) -> bool:
    """Whether the last page is whole and says that it is the last (RFC 3533)."""
    largest_page = 27 + 255 + 255 * 255
    with reading(stored) as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - largest_page))
        end = file.read()
    start = end.rfind(b"OggS")
    if start < 0 or len(end) < start + 27:
        return False
    segments = end[26 + start]
    length = 27 + segments + sum(end[start + 27 : start + 27 + segments])
    return bool(end[start + 5] & 4) and len(end) >= start + length
