"""Sounds as `measure` takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import torch
from rich.console import Console

from autoencoders import Tokenizer
from benchmarks.command_line.usage import UsageError
from benchmarks.compress.measured import Items, MeasuredSignal, RatedCodec
from benchmarks.data.sounds.config import SoundConfig
from benchmarks.data.sounds.whole import WholeSounds, open_whole_sounds
from benchmarks.protocols.audio.codecs import AUDIO_CODECS
from benchmarks.protocols.compression.samples import Arrays
from benchmarks.protocols.compression.sound_codecs import FixedBitrate
from benchmarks.protocols.compression.sound_fidelity import SoundFileFidelity
from benchmarks.protocols.compression.sounds import SoundCodec
from benchmarks.protocols.compression.tokenizer_codec import TokenizerCodec
from benchmarks.records.compression import CodecCoder, CodecName, Sample, SoundCodecName
from benchmarks.records.record import Record
from benchmarks.training.signals.sound_baselines import BITRATES
from benchmarks.training.trained import require_signal
from priors.code_models import CodeModel


class MeasuredSounds(MeasuredSignal):
    """Whole, mixed and resampled as a run's were, beside Opus and MP3 by the audio protocol's settings."""

    name = "sounds"
    codecs = get_args(SoundCodecName)

    def __init__(self, path: Path, run: Record) -> None:
        """
        Args:
            path: of the record of a run.
            run: whose sounds say the rate and the channels of all that is measured together.
        """
        self.beside = "--run", path.as_posix()
        self.sample_rate, self.channels = _form(run)

    def open(self, source: str, limit: int | None, root: Path | None, errors: Console) -> WholeSounds:
        config = SoundConfig(source, self.sample_rate, self.channels, limit_test=limit, root=root)
        return open_whole_sounds(config, errors)

    def fidelity(self, lpips_backbone: Path | None, device: torch.device) -> SoundFileFidelity:
        return SoundFileFidelity(self.sample_rate, device)

    def require(self, path: Path, run: Record) -> None:
        require_signal(path, run, (self.name,))
        if (form := _form(run)) != (self.sample_rate, self.channels):
            rate, channels = form
            raise UsageError(
                f"{path}: a tokenizer of {channels} channel(s) at {rate:,} Hz, where the first run has {self.channels} "
                f"at {self.sample_rate:,} Hz; measure it by a command of its own"
            )

    def tokenizer_codec(self, run: Record, tokenizer: Tokenizer, model: CodeModel) -> SoundCodec:
        return SoundCodec(tokenizer, model, self.sample_rate)

    def codec(self, name: CodecName) -> RatedCodec:
        make, bitrates = AUDIO_CODECS[name], BITRATES[name]
        any_rate = make(bitrates[0])
        coder = CodecCoder(
            name=name, heading=any_rate.heading, settings=dict(any_rate.options), software=any_rate.software
        )
        points = {f"{bitrate // 1000} kbit/s": {"kbps": bitrate // 1000} for bitrate in bitrates}
        return RatedCodec(coder, points, lambda setting: FixedBitrate(make(1000 * setting["kbps"]), self.sample_rate))

    def samples(
        self, coder: TokenizerCodec[Any], items: Items, codecs: Sequence[CodecName]
    ) -> tuple[tuple[Sample, ...], Arrays]:
        """None: the report of a run plays its sounds beside those of the codecs."""
        return (), {}

    def in_words(self, metrics: Mapping[str, float | None]) -> str:
        si_sdr = metrics["si_sdr"]
        return f"{metrics['kbps']:.3f} kbit/s, SI-SDR {'–' if si_sdr is None else f'{si_sdr:.2f}'} dB"


def _form(run: Record) -> tuple[int, int]:
    """Rate in Hz and channels of a run's sounds."""
    return run.data["sample_rate"], run.data["channels"]
