"""Trainings of the preset `smoke` on pictures of coarse noise: seconds."""

from dataclasses import replace

import torch
from torch import Tensor

from autoencoders import code_maps_of, create_tokenizer
from benchmarks.training.loop import make_accelerator
from benchmarks.training.presets import PRESETS
from benchmarks.training.settings import Settings
from benchmarks.training.trainer import Trainer
from quantizers import create_quantizer
from quantizers.registry import with_dim

SMOKE = PRESETS["smoke"]


def smoke_settings(**train: object) -> Settings:
    return replace(SMOKE, train=replace(SMOKE.train, **{"images": 160, "batch_size": 16, **train}))


def smoke_trainer(settings: Settings, quantizer: str = "vq-ema", run: str = "run") -> Trainer:
    torch.manual_seed(0)
    options = with_dim(quantizer, 6, {}, settings.dim)
    quantizers = [create_quantizer(quantizer, bits=6, **options) for _ in code_maps_of(settings.model)]
    tokenizer = create_tokenizer(settings.model, quantizers)
    return Trainer(tokenizer, settings, 0, make_accelerator(settings.train, cpu=True), run)


def smoke_batches(settings: Settings, start: int = 0) -> list[Tensor]:
    """The whole run's batches from step `start` on, the same ones however often they are asked for."""
    noise = torch.Generator().manual_seed(5)
    size = settings.data.image_size
    shape = (settings.train.steps, settings.train.batch_size, 3, size // 16, size // 16)
    small = torch.randint(0, 256, shape, generator=noise, dtype=torch.uint8)
    return list(small.repeat_interleave(16, -1).repeat_interleave(16, -2))[start:]


def state_of(trainer: Trainer) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.evaluated().state_dict().items()}
