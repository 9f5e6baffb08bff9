"""What the audio protocol measures; `audio.md` says what each number means."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.protocols.signal_sets import OF_RATES, SignalEvaluation

PROTOCOL = "audio/1"

SAMPLES, SAMPLE_SECONDS = 4, 2.5
"""Test sounds that are kept to listen to, and how much of each."""

OF_SOUNDS = ("si_sdr", "stoi", "pesq", "visqol", "mel_distance", "stft_distance")
"""Metrics of single sounds."""

METRICS = (*OF_SOUNDS, *OF_RATES)
"""In the order in which they are stored."""


@dataclass(frozen=True, kw_only=True)
class SoundEvaluation(SignalEvaluation):
    """What the protocol measures of a tokenizer or a codec on a test set. The samples are of 16 bits, (sounds,
    channels, samples); short ones are followed by silence."""

    noun = "sound"
