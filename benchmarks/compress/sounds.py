"""Sounds as files of codes: what `encode` reads and `decode` writes."""

from __future__ import annotations

from pathlib import Path

import torch

from benchmarks.compress.signal import SignalFiles
from benchmarks.data.sounds.config import SoundConfig
from benchmarks.data.sounds.files import is_sound
from benchmarks.data.sounds.opening import require_packages
from benchmarks.data.sounds.reading import read_sound, to_signal
from benchmarks.protocols.audio.coded import in_16_bits
from benchmarks.protocols.compression.sounds import SoundCodec
from benchmarks.records.sound_files import save_sound
from benchmarks.training.loading import LoadedRun
from priors.code_models import CodeModel


class SoundFiles(SignalFiles[SoundCodec]):
    """Sound files by the rules of `benchmarks.data.sounds.reading`, mixed and resampled as the run's were; WAV of 16
    bits comes back, at the tokenizer's rate and with its channels."""

    noun = "sounds"
    suffix = ".wav"

    def __init__(self, run: LoadedRun, config: SoundConfig) -> None:
        """DataError where a package is not installed that reads sounds."""
        require_packages()
        super().__init__(run, config)

    def codec(self, model: CodeModel) -> SoundCodec:
        return SoundCodec(self.run.tokenizer, model, self.config.sample_rate)

    def is_one(self, name: str) -> bool:
        return is_sound(name)

    def encode(self, codec: SoundCodec, file: Path) -> tuple[bytes, str]:
        signal = to_signal(read_sound(file), self.config.sample_rate, self.config.channels)
        data = codec.encode(torch.from_numpy(signal))
        return data, f"{8 * len(data) * self.config.sample_rate / signal.shape[1] / 1000:.3f} kbit/s"

    def decode(self, codec: SoundCodec, data: bytes, output: Path) -> str:
        sound = codec.decode(data)
        rate = self.config.sample_rate
        save_sound(output, in_16_bits(sound).numpy(), rate, f"decoded by {self.run.record.id}")
        return f"{sound.shape[1] / rate:.3f} s at {rate:,} Hz, {'mono' if len(sound) == 1 else 'stereo'}"
