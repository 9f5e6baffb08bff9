"""The settings of a prior, and the presets: the same for every tokenizer, so that their codes compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from benchmarks.protocols.generation.settings import GenerationConfig
from benchmarks.records.generation import PROTOCOL
from benchmarks.records.values import digest
from benchmarks.training.settings import TrainConfig
from priors import GPTConfig, MaskGITConfig, PriorConfig, PriorName
from priors.settings import prior_name_of

PriorPreset = Literal["smoke", "quick", "cpu", "vqgan-f16"]
"""Those of the tokenizers' presets that have a prior."""


@dataclass(frozen=True)
class PriorSettings:
    """All that two tokenizers must share for their codes to be comparable."""

    model: PriorConfig = field(default_factory=GPTConfig)
    flatten: bool = False
    """Every token is a step of its own, instead of the depth part taking those of a position."""
    train: TrainConfig = field(default_factory=TrainConfig)
    generation: GenerationConfig = field(default_factory=GenerationConfig)

    @property
    def prior(self) -> PriorName:
        """The kind of prior, which follows from its sizes."""
        return prior_name_of(self.model)

    @property
    def digest(self) -> str:
        """A short name: equal settings, equal names."""
        return digest(self.prior, asdict(self), PROTOCOL)


def _train(images: int, batch_size: int, rate: float, **other: Any) -> TrainConfig:
    own = {"warmup": 0.05, "betas": (0.9, 0.95), "weight_ema": 0.0}
    return TrainConfig(images=images, batch_size=batch_size, learning_rate=rate / batch_size, **{**own, **other})


PRESETS: Mapping[PriorPreset, PriorSettings] = {
    # Every part in seconds: for tests, its numbers mean nothing.
    "smoke": PriorSettings(
        GPTConfig(width=32, layers=1, heads=2, depth_layers=1, dropout=0.0),
        train=_train(128, 16, 3e-3),
        generation=GenerationConfig(count=32, batch_size=16),
    ),
    # As the tokenizer's: someone tries it.
    "quick": PriorSettings(
        GPTConfig(width=128, layers=4, heads=4),
        train=_train(32_000, 64, 1e-3),
        generation=GenerationConfig(count=1000),
    ),
    "cpu": PriorSettings(
        GPTConfig(width=192, layers=4, heads=6),
        train=_train(32_000, 64, 1e-3),
        generation=GenerationConfig(count=1000),
    ),
    # Esser et al. 2021, the class-conditional ImageNet transformer; for GPUs. Of its sizes the paper's 1.4 billion
    # parameters are sure; its configuration lies beside its weights only, so how they are cut into layers and heads is
    # not verified. The authors' code has no dropout, AdamW with betas 0.9 and 0.95 and a constant rate.
    "vqgan-f16": PriorSettings(
        GPTConfig(width=1536, layers=48, heads=24, dropout=0.0),
        train=_train(128 * 500_000, 128, 128 * 4.5e-6, warmup=0.0, final_rate=1.0),
    ),
}
"""Each is a GPT's."""


def preset_settings(preset: PriorPreset, prior: PriorName = "gpt") -> PriorSettings:
    """The settings of a preset; of a MaskGIT with the sizes of its GPT."""
    settings = PRESETS[preset]
    if prior == settings.prior:
        return settings
    shared = {name: value for name, value in asdict(settings.model).items() if hasattr(MaskGITConfig, name)}
    return replace(settings, model=MaskGITConfig(**shared))


def changes(settings: PriorSettings, preset: PriorPreset) -> dict[str, Any]:
    """What differs from the preset's own settings, flat: {"train.images": 1000, ...}."""
    own = flat(preset_settings(preset, settings.prior))
    return {name: value for name, value in flat(settings).items() if value != own[name]}


def flat(settings: PriorSettings) -> dict[str, Any]:
    """Every setting by its name in flags, with underscores."""

    def walk(values: Mapping[str, Any], before: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in values.items():
            found |= walk(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: value}
        return found

    return walk(asdict(settings), "")
