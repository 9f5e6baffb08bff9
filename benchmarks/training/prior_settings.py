"""The settings of a prior's training, and the presets: the same for every tokenizer, so that their codes compare.

What is drawn from a trained prior has settings of its own, `GenerationConfig`: none of them enters its training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from benchmarks.protocols.generation.settings import GenerationConfig
from benchmarks.records.generation import PROTOCOL
from benchmarks.records.values import digest
from benchmarks.training.settings import TrainConfig
from priors import GPTConfig, PriorConfig, PriorName, VARConfig
from priors.settings import CONFIGS, prior_name_of

PriorPreset = Literal[
    "smoke",
    "quick",
    "cpu",
    "vqgan-f16",
    "var-16",
    "speech-smoke",
    "speech-quick",
    "speech-cpu",
    "music-cpu",
    "video-smoke",
    "video-quick",
    "video-cpu",
]
"""Those of the tokenizers' presets that have a prior."""


@dataclass(frozen=True)
class PriorSettings:
    """All of the training that two tokenizers must share for their codes to be comparable."""

    model: PriorConfig = field(default_factory=GPTConfig)
    flatten: bool = False
    """Every token is a step of its own, instead of the depth part taking those of a position."""
    delay: bool = False
    """The tokens of a position come one step after the other, beside those of other positions (MusicGen's pattern)."""
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        """Refuse orders that there are not."""
        if self.flatten and self.delay:
            raise ValueError("--flatten and --delay are two orders of a position's codes: give one of them")
        if self.delay and self.prior != "gpt":
            raise ValueError(f"--delay is an order of codes, which a {self.prior} does not have: take --prior gpt")
        if self.flatten and self.model.by_scale:
            raise ValueError(f"--flatten is of a position's codes, and a {self.prior} has one at each: leave it out")

    @property
    def prior(self) -> PriorName:
        """The kind of prior, which follows from its sizes."""
        return prior_name_of(self.model)

    @property
    def digest(self) -> str:
        """A short name: equal settings, equal names."""
        own = asdict(self)
        if not self.delay:
            del own["delay"]  # the priors that were stored before there was such an order do not say it
        return digest(self.prior, own, PROTOCOL)


_SMOKE = GPTConfig(width=32, layers=1, heads=2, depth_layers=1, dropout=0.0)
_QUICK = GPTConfig(width=128, layers=4, heads=4)
_CPU = GPTConfig(width=192, layers=4, heads=6)


def _train(images: int, batch_size: int, rate: float, **other: Any) -> TrainConfig:
    own = {"warmup": 0.05, "betas": (0.9, 0.95), "weight_ema": 0.0}
    return TrainConfig(images=images, batch_size=batch_size, learning_rate=rate / batch_size, **{**own, **other})


PRESETS: Mapping[PriorPreset, PriorSettings] = {
    # Every part in seconds: for tests, its numbers mean nothing.
    "smoke": PriorSettings(_SMOKE, train=_train(128, 16, 3e-3)),
    # As the tokenizer's: someone tries it.
    "quick": PriorSettings(_QUICK, train=_train(32_000, 64, 1e-3)),
    "cpu": PriorSettings(_CPU, train=_train(32_000, 64, 1e-3)),
    # Esser et al. 2021, the class-conditional ImageNet transformer; for GPUs. Of its sizes the paper's 1.4 billion
    # parameters are sure; its configuration lies beside its weights only, so how they are cut into layers and heads is
    # not verified. The authors' code has no dropout, AdamW with betas 0.9 and 0.95 and a constant rate.
    "vqgan-f16": PriorSettings(
        GPTConfig(width=1536, layers=48, heads=24, dropout=0.0),
        train=_train(128 * 500_000, 128, 128 * 4.5e-6, warmup=0.0, final_rate=1.0),
    ),
    # Tian et al. 2024, the class-conditional ImageNet model of depth 16, for `--prior var`; for GPUs. By the authors'
    # commands and code, whose rate falls along a line where this one falls along a cosine; without weight decay of 0.05
    # (but 0.01) and the dropping of whole branches, up to a fifteenth of them.
    "var-16": PriorSettings(
        VARConfig(width=1024, layers=16, heads=16, dropout=0.0),
        train=_train(200 * 1_281_167, 768, 3e-4, warmup=0.02, final_rate=0.1),
    ),
    "speech-smoke": PriorSettings(_SMOKE, train=_train(64, 8, 3e-3)),
    # Crops of half a second, with six codes at each of 25 positions: short sequences of many codes.
    "speech-quick": PriorSettings(_QUICK, train=_train(9_600, 32, 1e-3)),
    "speech-cpu": PriorSettings(_CPU, train=_train(96_000, 32, 1e-3)),
    "music-cpu": PriorSettings(_CPU, train=_train(24_000, 32, 1e-3)),
    "video-smoke": PriorSettings(_SMOKE, train=_train(64, 8, 3e-3)),
    "video-quick": PriorSettings(_QUICK, train=_train(9_600, 32, 1e-3)),
    "video-cpu": PriorSettings(_CPU, train=_train(19_200, 32, 1e-3)),
}
"""Each is a GPT's, but for VAR's own."""

GENERATIONS: Mapping[PriorPreset, GenerationConfig] = {
    "smoke": GenerationConfig(count=32, batch_size=16),
    "quick": GenerationConfig(count=1000),
    "cpu": GenerationConfig(count=1000),
    "vqgan-f16": GenerationConfig(),
    "var-16": GenerationConfig(),
    "speech-smoke": GenerationConfig(count=4, batch_size=4),
    "speech-quick": GenerationConfig(count=32, batch_size=32),
    "speech-cpu": GenerationConfig(count=32, batch_size=32),
    "music-cpu": GenerationConfig(count=32, batch_size=32),
    "video-smoke": GenerationConfig(count=4, batch_size=4),
    "video-quick": GenerationConfig(count=64, batch_size=32),
    "video-cpu": GenerationConfig(count=64, batch_size=32),
}
"""What each preset draws, of whatever prior."""


def preset_settings(preset: PriorPreset, prior: PriorName = "gpt") -> PriorSettings:
    """The settings of a preset; of another prior with the sizes of its own."""
    settings = PRESETS[preset]
    if prior == settings.prior:
        return settings
    config = CONFIGS[prior]
    shared = {name: value for name, value in asdict(settings.model).items() if hasattr(config, name)}
    return replace(settings, model=config(**shared))


def changes(settings: PriorSettings, preset: PriorPreset) -> dict[str, Any]:
    """What differs from the preset's own settings, by flag: {"train.images": 1000, ...}."""
    return _differing(asdict(settings), asdict(preset_settings(preset, settings.prior)))


def generation_changes(config: GenerationConfig, preset: PriorPreset) -> dict[str, Any]:
    """What differs from what the preset draws, by flag: {"generation.sampling.top_p": 0.9, "class": ["cat"], ...}."""
    changed = _differing({"generation": asdict(config)}, {"generation": asdict(GENERATIONS[preset])})
    return {"class" if name == "generation.classes" else name: value for name, value in changed.items()}


def _differing(values: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of nested ones that is another, by its name in flags, with underscores."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found |= {f"{name}.{below}": each for below, each in _differing(value, own[name]).items()}
        elif value != own[name]:
            found[name] = value
    return found
