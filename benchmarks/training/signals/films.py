"""Films: clips of 8-bit RGB, the video protocol, codecs in daily use and blocks of space and time as baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from autoencoders import FilmLoss, FilmLossConfig, Tokenizer
from benchmarks.data import items_to_test
from benchmarks.data.division import Part
from benchmarks.data.films import FilmConfig, FilmData, FilmTestData, open_films, open_test_films
from benchmarks.data.films.opening import open_source
from benchmarks.data.machine import Parallel, in_threads
from benchmarks.metrics.pictures import to_uint8
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.generation.drawing import SamplingSpeed
from benchmarks.protocols.generation.films import film_metrics
from benchmarks.protocols.generation.metrics import GenerationMetrics
from benchmarks.protocols.video.codecs import FilmCodec
from benchmarks.protocols.video.evaluation import evaluate_codec, evaluate_tokenizer
from benchmarks.protocols.video.measured import PROTOCOL, FilmEvaluation
from benchmarks.protocols.video.speed import measure_film_speed
from benchmarks.records import baselines
from benchmarks.records.films import about_film, save_film
from benchmarks.records.samples import draw_samples
from benchmarks.training.execution import Execution
from benchmarks.training.settings import RunConfig, Settings
from benchmarks.training.signals import film_baselines
from benchmarks.training.signals.block_baselines import kmeans_has
from benchmarks.training.signals.film_baselines import QUALITIES
from benchmarks.training.signals.perceptual import with_perceptual
from benchmarks.training.signals.signal import CodedItems, Signal, device_of, whole_batches
from priors import CodeLayout
from priors.image_ids import Side
from storage.paths import StrPath

WATCHED = 2
"""Test clips whose reconstructions trackers are shown."""


SHARD_CLIPS = 4_096
"""Of a file of a token set."""


class Films(Signal):
    """What a run does with films."""

    protocol = PROTOCOL
    noun = "films"
    crops = "clips"
    baselines = baselines.OF_FILMS
    codecs = {name: [{"crf": quality} for quality in of] for name, of in QUALITIES.items()}  # noqa: RUF012
    memory_format = torch.channels_last_3d
    sizes = ("frame_size", "frames_per_second", "clip_frames")
    shard_items = SHARD_CLIPS
    item = "clip"
    suffix = ".webp"

    def open(self, config: FilmConfig) -> FilmData:
        return open_films(config)

    def choose_loss(
        self, asked: FilmLossConfig, lpips_backbone: StrPath | None
    ) -> tuple[FilmLossConfig, dict[str, str]]:
        return with_perceptual(asked, lpips_backbone)

    def make_loss(self, settings: Settings) -> FilmLoss:
        assert isinstance(settings.loss, FilmLossConfig)
        return FilmLoss(settings.loss)

    def to_float(self, batch: UInt8[Tensor, "b 3 t h w"], device: torch.device) -> Float[Tensor, "b 3 t h w"]:
        """Channels last in memory, as convolutions want them."""
        return self.to_unit_range(batch.to(device, non_blocking=True)).contiguous(memory_format=self.memory_format)

    def has_kmeans(self, settings: Settings, bits: int) -> bool:
        return kmeans_has(bits)

    def make_baseline(self, run: RunConfig) -> FilmCodec | Tokenizer:
        return film_baselines.make_baseline(run)

    def fitting_items(self, settings: Settings) -> int:
        return whole_batches(settings.train, -(-film_baselines.BLOCKS // film_baselines.blocks_of(settings)))

    def evaluate(
        self,
        model: FilmCodec | Tokenizer,
        data: FilmData,
        settings: Settings,
        execution: Execution,
        progress: Callable[[int], None],
    ) -> FilmEvaluation:
        accelerator, rate = execution.accelerator, _config(settings).frames_per_second
        world_size, features = accelerator.num_processes, execution.video_features
        clips = items_to_test(data, accelerator.process_index, world_size)
        if isinstance(model, Tokenizer):
            return evaluate_tokenizer(
                model,
                clips,
                rate,
                device=accelerator.device,
                features=features,
                world_size=world_size,
                progress=progress,
            )
        return evaluate_codec(model, clips, rate, features=features, world_size=world_size, progress=progress)

    def measure_speed(
        self, model: FilmCodec | Tokenizer, data: FilmData, settings: Settings, device: torch.device
    ) -> dict[str, float | None]:
        return measure_film_speed(model, data.test[0], device) if isinstance(model, Tokenizer) else {}

    def draw(self, data: FilmData, name: str, reconstruct: Callable[[Tensor], Tensor]) -> Image.Image:
        clips = torch.stack([data.test[place] for place in range(min(len(data.test), WATCHED))])
        return draw_samples({"original": clips.numpy(), name: self.to_samples(reconstruct(clips)).numpy()})

    def elsewhere(self, own: FilmConfig, source: str, limit: int | None, root: StrPath | None) -> FilmConfig:
        return replace(own, source=source, limit_test=limit, root=None if root is None else Path(root))

    def find(self, config: FilmConfig) -> None:
        open_source(config)

    def open_part(self, config: FilmConfig, part: Part, parallel: Parallel = in_threads) -> FilmTestData:
        return open_test_films(config, part, parallel=parallel)

    def grids(self, tokenizer: Tokenizer, config: FilmConfig) -> tuple[tuple[Side, ...], ...]:
        return tuple(map(tuple, CodeLayout.of(tokenizer, config.extent).grids))

    def codes(self, tokenizer: Tokenizer, data: FilmTestData, batches: Sequence[Sequence[int]]) -> CodedItems:
        device = device_of(tokenizer)
        for places in batches:
            clips = torch.stack([data.test[place] for place in places])
            yield places, tokenizer.encode(self.to_unit_range(clips.to(device)))

    def open_training(self, config: FilmConfig) -> FilmTestData:
        return open_test_films(replace(config, limit_test=config.limit_train), "train")

    def centre_crops(self, data: FilmTestData, config: FilmConfig, batch_size: int) -> Iterator[Tensor]:
        """Of each film the clips that would test, were it one of those that do."""
        for start in range(0, len(data.test), batch_size):
            places = range(start, min(start + batch_size, len(data.test)))
            yield torch.stack([data.test[place] for place in places])

    def to_unit_range(self, items: UInt8[Tensor, "b 3 t h w"]) -> Float[Tensor, "b 3 t h w"]:
        return items.float() / 127.5 - 1

    def to_samples(self, signals: Float[Tensor, "b 3 t h w"]) -> UInt8[Tensor, "b 3 t h w"]:
        frames = to_uint8(signals.movedim(1, 2).flatten(0, 1))
        return frames.unflatten(0, (len(signals), -1)).movedim(2, 1)

    def modelled(self, bits: np.ndarray, config: FilmConfig) -> dict[str, np.ndarray]:
        seconds = config.clip_frames / config.frames_per_second
        pixels = config.clip_frames * config.frame_size**2
        return {"nll_bits": bits, "nll_kbps": bits / seconds / 1000, "nll_bpp": bits / pixels}

    def measure_generated(
        self, generated: Iterable[Tensor], real: Iterable[Tensor], weights: MetricWeights, device: torch.device
    ) -> GenerationMetrics:
        return film_metrics(generated, real)

    def sampling_speeds(self, speed: SamplingSpeed, config: FilmConfig) -> dict[str, float | None]:
        return {
            "generated_frames_per_second": speed.per_second * config.clip_frames,
            "first_film_seconds": speed.first_seconds,
            "batch_size": float(speed.batch_size),
        }

    def stored_with(self, config: FilmConfig) -> dict[str, np.ndarray]:
        return {"rate": np.array(config.frames_per_second)}

    def save_item(self, path: StrPath, item: np.ndarray, about: str, config: FilmConfig) -> None:
        save_film(path, item, config.frames_per_second, about)

    def about_item(self, path: StrPath) -> str | None:
        return about_film(path)


def _config(settings: Settings) -> FilmConfig:
    assert isinstance(settings.data, FilmConfig)
    return settings.data
