"""Sounds: crops of waveforms, the audio protocol, codecs in daily use as baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int16
from PIL import Image
from torch import Tensor

from autoencoders import AudioLoss, AudioLossConfig, Tokenizer
from benchmarks.data import Part, items_to_test
from benchmarks.data.machine import Parallel, in_threads
from benchmarks.data.sounds import SoundConfig, SoundData, SoundTestData, open_sounds, open_test_sounds
from benchmarks.data.sounds.opening import open_source
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.audio.codecs import AudioCodec
from benchmarks.protocols.audio.coded import in_16_bits, with_whole_strides
from benchmarks.protocols.audio.evaluation import evaluate_codec, evaluate_tokenizer
from benchmarks.protocols.audio.measured import PROTOCOL, SoundEvaluation
from benchmarks.protocols.audio.speed import measure_sound_speed
from benchmarks.protocols.generation.drawing import SamplingSpeed
from benchmarks.protocols.generation.metrics import GenerationMetrics
from benchmarks.records import baselines
from benchmarks.records.samples import draw_samples
from benchmarks.records.sound_files import about_sound, save_sound
from benchmarks.training.execution import Execution
from benchmarks.training.settings import RunConfig, Settings
from benchmarks.training.signals import sound_baselines
from benchmarks.training.signals.signal import CodedItems, Signal, device_of
from benchmarks.training.signals.sound_baselines import BITRATES
from priors.image_ids import Side
from priors.token_writer import SHARD_SOUNDS
from storage.paths import StrPath

WATCHED = 4
"""Test sounds of which a training crop's length is shown to trackers."""

TIMED_SECONDS = 4
"""Of the first test sound, at most, that is timed."""


class Sounds(Signal):
    """What a run does with sounds."""

    protocol = PROTOCOL
    noun = "sounds"
    crops = "crops"
    baselines = baselines.OF_SOUNDS
    sizes = ("sample_rate", "channels")
    shard_items = SHARD_SOUNDS
    item = "sound"
    suffix = ".wav"
    codecs = {name: [{"kbps": bitrate // 1000} for bitrate in of] for name, of in BITRATES.items()}  # noqa: RUF012
    options = {"rq": {"shared": False}}  # noqa: RUF012 (as SoundStream, EnCodec and DAC have it)

    def open(self, config: SoundConfig) -> SoundData:
        return open_sounds(config)

    def make_loss(self, settings: Settings) -> AudioLoss:
        assert isinstance(settings.loss, AudioLossConfig)
        config = _config(settings)
        return AudioLoss(settings.loss, config.sample_rate, config.channels)

    def to_float(self, batch: Float32[Tensor, "b c n"], device: torch.device) -> Float32[Tensor, "b c n"]:
        return batch.to(device, non_blocking=True)

    def has_kmeans(self, settings: Settings, bits: int) -> bool:
        return sound_baselines.has_kmeans(settings, bits)

    def make_baseline(self, run: RunConfig) -> AudioCodec | Tokenizer:
        return sound_baselines.make_baseline(run)

    def fitting_items(self, settings: Settings) -> int:
        return sound_baselines.fitting_items(settings)

    def evaluate(
        self,
        model: AudioCodec | Tokenizer,
        data: SoundData,
        settings: Settings,
        execution: Execution,
        progress: Callable[[int], None],
    ) -> SoundEvaluation:
        accelerator, sample_rate = execution.accelerator, _config(settings).sample_rate
        rank, world_size = accelerator.process_index, accelerator.num_processes
        sounds = items_to_test(data, rank, world_size)
        if isinstance(model, Tokenizer):
            return evaluate_tokenizer(
                model,
                sounds,
                sample_rate,
                device=accelerator.device,
                world_size=world_size,
                progress=progress,
            )
        return evaluate_codec(model, sounds, sample_rate, world_size=world_size, progress=progress)

    def measure_speed(
        self, model: AudioCodec | Tokenizer, data: SoundData, settings: Settings, device: torch.device
    ) -> dict[str, float | None]:
        if not isinstance(model, Tokenizer):
            return {}
        sample_rate = _config(settings).sample_rate
        return measure_sound_speed(model, data.test[0][:, : TIMED_SECONDS * sample_rate], sample_rate, device)

    def draw(self, data: SoundData, name: str, reconstruct: Callable[[Tensor], Tensor]) -> Image.Image:
        length = data.train.config.crop_samples
        first = [data.test[place][:, :length] for place in range(min(len(data.test), WATCHED))]
        sounds = torch.stack([torch.nn.functional.pad(sound, (0, length - sound.shape[1])) for sound in first])
        both = {"original": sounds, name: reconstruct(sounds).clamp(-1, 1)}
        return draw_samples({label: in_16_bits(sound).numpy() for label, sound in both.items()})

    def elsewhere(self, own: SoundConfig, source: str, limit: int | None, root: StrPath | None) -> SoundConfig:
        where = None if root is None else Path(root)
        return SoundConfig(source, own.sample_rate, own.channels, limit_test=limit, root=where)

    def find(self, config: SoundConfig) -> None:
        open_source(config)

    def open_part(self, config: SoundConfig, part: Part, parallel: Parallel = in_threads) -> SoundTestData:
        return open_test_sounds(config, part, parallel=parallel)

    def grids(self, tokenizer: Tokenizer, config: SoundConfig) -> tuple[tuple[Side, ...], ...]:
        return ((None,),) * len(tokenizer.maps)

    def codes(self, tokenizer: Tokenizer, data: SoundTestData, batches: Sequence[Sequence[int]]) -> CodedItems:
        """One by one: each has its own length."""
        device = device_of(tokenizer)
        for place in chain.from_iterable(batches):
            yield [place], tokenizer.encode(with_whole_strides(tokenizer, data.test[place]).to(device))

    def open_training(self, config: SoundConfig) -> SoundTestData:
        return open_test_sounds(replace(config, limit_test=config.limit_train, test_seconds=None), "train")

    def centre_crops(self, data: SoundTestData, config: SoundConfig, batch_size: int) -> Iterator[Tensor]:
        """Silence follows sounds that are shorter."""
        for start in range(0, len(data.test), batch_size):
            places = range(start, min(start + batch_size, len(data.test)))
            yield torch.stack([_centre(data.test[place], config.crop_samples) for place in places])

    def to_unit_range(self, items: Float32[Tensor, "b c n"]) -> Float32[Tensor, "b c n"]:
        return items

    def to_samples(self, signals: Float32[Tensor, "b c n"]) -> Int16[Tensor, "b c n"]:
        if not signals.isfinite().all():
            raise ValueError("a drawn sound came out with NaN or infinity")
        return in_16_bits(signals.clamp(-1, 1))

    def modelled(self, bits: np.ndarray, config: SoundConfig) -> dict[str, np.ndarray]:
        return {"nll_bits": bits, "nll_kbps": bits * config.sample_rate / config.crop_samples / 1000}

    def measure_generated(
        self, generated: Iterable[Tensor], real: Iterable[Tensor], weights: MetricWeights, device: torch.device
    ) -> GenerationMetrics:
        """They are counted: the protocol has no metric of drawn sounds."""
        return GenerationMetrics(sum(map(len, generated)), 0, {}, {}, {})

    def sampling_speeds(self, speed: SamplingSpeed, config: SoundConfig) -> dict[str, float | None]:
        return {
            "generated_realtime": speed.per_second * config.crop_samples / config.sample_rate,
            "first_sound_seconds": speed.first_seconds,
            "batch_size": float(speed.batch_size),
        }

    def stored_with(self, config: SoundConfig) -> dict[str, np.ndarray]:
        return {"rate": np.array(config.sample_rate)}

    def save_item(self, path: StrPath, item: np.ndarray, about: str, config: SoundConfig) -> None:
        save_sound(path, item, config.sample_rate, about)

    def about_item(self, path: StrPath) -> str | None:
        return about_sound(path)


def _centre(sound: Float32[Tensor, "c _n"], samples: int) -> Float32[Tensor, "c samples"]:
    start = max(0, (sound.shape[1] - samples) // 2)
    crop = sound[:, start : start + samples]
    return torch.nn.functional.pad(crop, (0, samples - crop.shape[1]))


def _config(settings: Settings) -> SoundConfig:
    assert isinstance(settings.data, SoundConfig)
    return settings.data
