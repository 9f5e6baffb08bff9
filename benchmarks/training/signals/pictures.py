"""Pictures: square crops of 8-bit RGB, the reconstruction protocol, baselines of blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from autoencoders import BlockTokenizer, LossConfig, Tokenizer, VQGANLoss, training_memory
from benchmarks.data import (
    ONE_PASS,
    Data,
    DataConfig,
    EvaluationData,
    Part,
    chosen_batches,
    open_data,
    open_evaluation_data,
    test_batches,
)
from benchmarks.data.machine import Parallel, in_threads
from benchmarks.data.sources import open_source
from benchmarks.metrics.pictures import to_uint8, to_unit_range
from benchmarks.metrics.speed import measure_speed
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.generation.drawing import SamplingSpeed
from benchmarks.protocols.generation.metrics import GenerationMetrics, generation_metrics
from benchmarks.protocols.reconstruction.evaluation import evaluate
from benchmarks.protocols.reconstruction.measured import PROTOCOL, Evaluation
from benchmarks.records import baselines
from benchmarks.records.grids import about_picture, save_picture
from benchmarks.records.samples import draw_samples
from benchmarks.training.execution import Execution
from benchmarks.training.settings import RunConfig, Settings
from benchmarks.training.signals import picture_baselines
from benchmarks.training.signals.perceptual import with_perceptual
from benchmarks.training.signals.signal import CodedItems, Signal, device_of, whole_batches
from priors import CodeLayout
from priors.image_ids import Side
from priors.token_writer import SHARD_PICTURES
from storage.paths import StrPath

WATCHED, TIMED = 8, 32
"""Test pictures whose reconstructions trackers are shown, and that are timed in one batch."""


class Pictures(Signal):
    """What a run does with pictures."""

    protocol = PROTOCOL
    noun = "pictures"
    crops = "images"
    baselines = baselines.OF_PICTURES
    sizes = ("image_size",)
    shard_items = SHARD_PICTURES
    item = "image"
    suffix = ".png"

    def open(self, config: DataConfig) -> Data:
        return open_data(config)

    def choose_loss(self, asked: LossConfig, lpips_backbone: StrPath | None) -> tuple[LossConfig, dict[str, str]]:
        return with_perceptual(asked, lpips_backbone)

    def make_loss(self, settings: Settings) -> VQGANLoss:
        assert isinstance(settings.loss, LossConfig)
        return VQGANLoss(settings.loss)

    def memory(self, settings: Settings, part: int, precision: torch.dtype) -> int:
        average = settings.train.weight_ema > 0
        needed = training_memory(
            settings.model,  # type: ignore[arg-type]  # of pictures, as the settings' check sees to
            settings.loss,  # type: ignore[arg-type]
            part,
            dim=settings.dim,
            precision=precision,
            weight_average=average,
        )
        return needed.total

    def to_float(self, batch: UInt8[Tensor, "b 3 h w"], device: torch.device) -> Float[Tensor, "b 3 h w"]:
        """Channels last in memory, as convolutions want them."""
        pictures = batch.to(device, non_blocking=True).float() / 127.5 - 1
        return pictures.contiguous(memory_format=self.memory_format)

    def has_kmeans(self, settings: Settings, bits: int) -> bool:
        return picture_baselines.has_kmeans(settings, bits)

    def make_baseline(self, run: RunConfig) -> BlockTokenizer:
        return picture_baselines.make_baseline(run)

    def fitting_items(self, settings: Settings) -> int:
        return whole_batches(settings.train, -(-picture_baselines.BLOCKS // picture_baselines.blocks_of(settings)))

    def evaluate(
        self, model: Tokenizer, data: Data, settings: Settings, execution: Execution, progress: Callable[[int], None]
    ) -> Evaluation:
        accelerator = execution.accelerator
        rank, world_size = accelerator.process_index, accelerator.num_processes
        batches = test_batches(data, execution.eval_batch_size, rank=rank, world_size=world_size)
        return evaluate(
            model,
            batches,
            device=accelerator.device,
            rank=rank,
            world_size=world_size,
            weights=execution.weights,
            progress=progress,
        )

    def measure_speed(
        self, model: Tokenizer, data: Data, settings: Settings, device: torch.device
    ) -> dict[str, float | None]:
        return measure_speed(model, _first(data, TIMED), device)

    def draw(self, data: Data, name: str, reconstruct: Callable[[Tensor], Tensor]) -> Image.Image:
        pictures = _first(data, WATCHED)
        return draw_samples({"original": pictures.numpy(), name: to_uint8(reconstruct(pictures)).numpy()})

    def elsewhere(self, own: DataConfig, source: str, limit: int | None, root: StrPath | None) -> DataConfig:
        return DataConfig(source, own.image_size, root=None if root is None else Path(root), limit_test=limit)

    def find(self, config: DataConfig) -> None:
        open_source(config)

    def open_part(self, config: DataConfig, part: Part, parallel: Parallel = in_threads) -> EvaluationData:
        return open_evaluation_data(config, part, budget=ONE_PASS, parallel=parallel)

    def grids(self, tokenizer: Tokenizer, config: DataConfig) -> tuple[tuple[Side, ...], ...]:
        return tuple(map(tuple, CodeLayout.of(tokenizer, config.extent).grids))

    def codes(self, tokenizer: Tokenizer, data: EvaluationData, batches: Sequence[Sequence[int]]) -> CodedItems:
        device = device_of(tokenizer)
        for places, pictures in zip(batches, chosen_batches(data, batches), strict=True):
            yield places, tokenizer.encode(to_unit_range(pictures.to(device)))

    def open_training(self, config: DataConfig) -> EvaluationData:
        return open_evaluation_data(config, "train")

    def centre_crops(self, data: EvaluationData, config: DataConfig, batch_size: int) -> Iterator[Tensor]:
        """As the reconstruction protocol has it."""
        return (pictures for _, pictures in test_batches(data, batch_size))

    def to_unit_range(self, items: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        return to_unit_range(items)

    def to_samples(self, signals: Float[Tensor, "b 3 h w"]) -> UInt8[Tensor, "b 3 h w"]:
        return to_uint8(signals)

    def modelled(self, bits: np.ndarray, config: DataConfig) -> dict[str, np.ndarray]:
        return {"nll_bits": bits, "nll_bpp": bits / config.image_size**2}

    def measure_generated(
        self, generated: Iterable[Tensor], real: Iterable[Tensor], weights: MetricWeights, device: torch.device
    ) -> GenerationMetrics:
        return generation_metrics(generated, real, weights=weights, device=device)

    def sampling_speeds(self, speed: SamplingSpeed, config: DataConfig) -> dict[str, float | None]:
        return {
            "generated_images_per_second": speed.per_second,
            "first_image_seconds": speed.first_seconds,
            "batch_size": float(speed.batch_size),
        }

    def stored_with(self, config: DataConfig) -> dict[str, np.ndarray]:
        return {}

    def save_item(self, path: StrPath, item: np.ndarray, about: str, config: DataConfig) -> None:
        save_picture(path, item, about)

    def about_item(self, path: StrPath) -> str | None:
        return about_picture(path)


def _first(data: Data, count: int) -> UInt8[Tensor, "count 3 size size"]:
    """The first test pictures, as many as there are."""
    return torch.stack([data.test[index] for index in range(min(len(data.test), count))])
