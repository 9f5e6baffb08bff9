"""Films: clips of 8-bit RGB, the video protocol, codecs in daily use and blocks of space and time as baselines."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from autoencoders import FilmLoss, FilmLossConfig, Tokenizer
from benchmarks.data import items_to_test
from benchmarks.data.films import FilmConfig, FilmData, open_films
from benchmarks.metrics.pictures import to_uint8
from benchmarks.protocols.video.codecs import FilmCodec
from benchmarks.protocols.video.evaluation import evaluate_codec, evaluate_tokenizer
from benchmarks.protocols.video.measured import PROTOCOL, FilmEvaluation
from benchmarks.protocols.video.speed import measure_film_speed
from benchmarks.records import baselines
from benchmarks.records.samples import draw_samples
from benchmarks.training.execution import Execution
from benchmarks.training.settings import RunConfig, Settings
from benchmarks.training.signals import film_baselines
from benchmarks.training.signals.block_baselines import kmeans_has
from benchmarks.training.signals.film_baselines import QUALITIES
from benchmarks.training.signals.perceptual import with_perceptual
from benchmarks.training.signals.signal import Signal, whole_batches
from storage.paths import StrPath

WATCHED = 2
"""Test clips whose reconstructions trackers are shown."""


class Films(Signal):
    """What a run does with films."""

    protocol = PROTOCOL
    noun = "films"
    crops = "clips"
    baselines = baselines.OF_FILMS
    codecs = {name: [{"crf": quality} for quality in of] for name, of in QUALITIES.items()}  # noqa: RUF012
    memory_format = torch.channels_last_3d

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
        films = batch.to(device, non_blocking=True).float() / 127.5 - 1
        return films.contiguous(memory_format=self.memory_format)

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
        made = to_uint8(reconstruct(clips).movedim(1, 2).flatten(0, 1)).unflatten(0, (len(clips), -1)).movedim(2, 1)
        return draw_samples({"original": clips.numpy(), name: made.numpy()})


def _config(settings: Settings) -> FilmConfig:
    assert isinstance(settings.data, FilmConfig)
    return settings.data
