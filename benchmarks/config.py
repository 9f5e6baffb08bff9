"""The configuration of a run: what is trained, on what, for how long; and the presets.

Every field here decides the numbers of a run and is stored with it, except the few that only say where files
are or how many workers read them (`WITHOUT_EFFECT`).
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from autoencoders import (
    BackboneConfig,
    BackboneName,
    LossConfig,
    TiTokConfig,
    ViTConfig,
    VQGANConfig,
    VQVAE2Config,
    VQVAEConfig,
    backbone_of,
)
from benchmarks.data import DataConfig
from quantizers import quantizer_options
from quantizers.registry import options_for_bits

PresetName = Literal["smoke", "quick", "cpu", "vqgan-f16"]


DEFAULT_BACKBONE: BackboneName = "vqgan"
"""Of all runs that do not say which they have."""


@dataclass(frozen=True)
class TrainConfig:
    """How long and how fast a tokenizer is trained."""

    images: int = 16_000
    """Training images shown, crops counted one by one; every quantizer is shown the same ones."""
    batch_size: int = 32
    """Images of one optimizer step, over all processes."""
    accumulation: int = 1
    """Parts that a process cuts its share of a batch into, to save memory."""
    learning_rate: float = 4.5e-6
    """Peak learning rate of Adam per image of the batch."""
    warmup: float = 0.05
    """Share of the steps over which the rate climbs from 0; after that it falls by a cosine."""
    final_rate: float = 0.0
    """What the rate falls to, as a share of its peak."""
    betas: tuple[float, float] = (0.5, 0.9)
    """Adam's betas."""
    weight_ema: float = 0.999
    """Decay of the average of the weights that is evaluated and stored; 0 takes the last weights."""
    precision: Literal["no", "bf16", "fp16"] = "no"
    """Mixed precision of the training; the evaluation is in fp32."""
    compile: bool = False
    """Compile the tokenizer with torch.compile."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work."""
        if self.images < self.batch_size or self.batch_size < 1:
            raise ValueError(
                f"train.images is {self.images} and train.batch_size {self.batch_size}: "
                "at least one whole batch of at least one image is needed"
            )
        if not 0 <= self.weight_ema < 1:
            raise ValueError(f"train.weight_ema must lie in [0, 1), not {self.weight_ema}")
        if not 0 <= self.warmup <= 1:
            raise ValueError(f"train.warmup is a share of the steps in [0, 1], not {self.warmup}")

    @property
    def steps(self) -> int:
        """Optimizer steps."""
        return self.images // self.batch_size


@dataclass(frozen=True)
class Settings:
    """All that two runs must share for their quantizers to be comparable."""

    data: DataConfig = field(default_factory=DataConfig)
    model: BackboneConfig = field(default_factory=VQGANConfig)
    dim: int = 256
    """Channels of the latent for the quantizers that leave their width to the user (VQ, RQ, Gumbel, none)."""
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    backbone: BackboneName = DEFAULT_BACKBONE
    """Follows from `model`; it is a field in order to be stored."""

    def __post_init__(self) -> None:
        """The image size is said once, by the data; the backbone's follows."""
        object.__setattr__(self, "model", replace(self.model, image_size=self.data.image_size))
        object.__setattr__(self, "backbone", backbone_of(self.model))


@dataclass(frozen=True)
class RunConfig:
    """One run: a quantizer at a rate, with a seed, in the settings of a preset."""

    quantizer: str
    bits: int | None
    options: dict[str, Any]
    seed: int
    preset: PresetName
    settings: Settings
    code: str | None = None
    """Digest of the source of a quantizer from outside this project: an edited one makes another run."""


_SMALL = VQGANConfig(width=32, multipliers=(1, 1, 2, 4), blocks=1, attention_resolutions=(), z_channels=64)

PRESETS: dict[PresetName, Settings] = {
    # Every part of the training in seconds: for tests, its numbers mean nothing.
    "smoke": Settings(
        data=DataConfig(image_size=32, limit_test=32),
        model=replace(_SMALL, width=8),
        dim=8,
        loss=LossConfig(perceptual="ms-ssim", gan="hinge", gan_start=4, discriminator_layers=2, discriminator_width=8),
        train=TrainConfig(images=128, batch_size=16, learning_rate=6e-5, weight_ema=0.5),
    ),
    # Someone tries it: about two minutes on two CPU cores. No GAN and no perceptual loss: at 32 pixels they cost half
    # of the time and show nothing. Without a GAN, Adam's usual betas and small batches learn faster.
    "quick": Settings(
        data=DataConfig(image_size=32),
        model=_SMALL,
        dim=16,
        loss=LossConfig(perceptual="none", gan="none"),
        train=TrainConfig(
            images=8_000, batch_size=16, learning_rate=6.25e-5, warmup=0.1, betas=(0.9, 0.99), weight_ema=0.98
        ),
    ),
    # The whole loss at a size that a CPU trains in half an hour.
    "cpu": Settings(
        data=DataConfig(image_size=64),
        model=_SMALL,
        dim=16,
        loss=LossConfig(perceptual="auto", gan="hinge", gan_start=600, discriminator_layers=2, discriminator_width=32),
        train=TrainConfig(images=40_000, batch_size=16, learning_rate=3e-5, warmup=0.05, weight_ema=0.995),
    ),
    # Esser et al. 2021, the ImageNet f16 model: 256 x 256 -> 16 x 16 codes; for GPUs.
    "vqgan-f16": Settings(
        data=DataConfig(image_size=256),
        model=VQGANConfig(),
        dim=256,
        loss=LossConfig(perceptual="auto", gan="hinge", gan_start=250_001),
        train=TrainConfig(images=12 * 500_000, batch_size=12, warmup=0.0, final_rate=1.0, weight_ema=0.0),
    ),
}

# The same of the other backbones: at the stride of the preset's VQGAN, and about as long to train.
SIZES: dict[BackboneName, dict[PresetName, BackboneConfig]] = {
    "vqgan": {},
    "vqvae": {
        "smoke": VQVAEConfig(width=16, residual_width=8, blocks=1, downsamplings=3),
        "quick": VQVAEConfig(width=256, residual_width=128, downsamplings=3),
        "cpu": VQVAEConfig(width=256, residual_width=128, downsamplings=3),
    },
    "vqvae2": {
        "smoke": VQVAE2Config(width=16, residual_width=8, blocks=1, downsamplings=3),
        "quick": VQVAE2Config(width=192, residual_width=96, downsamplings=3),
        "cpu": VQVAE2Config(width=192, residual_width=96, downsamplings=3),
    },
    "vit": {
        "smoke": ViTConfig(patch_size=8, width=32, layers=1, heads=2),
        "quick": ViTConfig(patch_size=8, width=192, layers=4, heads=6),
        "cpu": ViTConfig(patch_size=8, width=192, layers=4, heads=6),
    },
    # as many tokens as the grids of the others have positions
    "1d": {
        "smoke": TiTokConfig(patch_size=8, width=32, layers=1, heads=2, latent_tokens=16),
        "quick": TiTokConfig(patch_size=8, width=192, layers=3, heads=6, latent_tokens=16),
        "cpu": TiTokConfig(patch_size=8, width=192, layers=3, heads=6, latent_tokens=64),
    },
}


def preset_settings(preset: PresetName, backbone: BackboneName | None = None) -> Settings:
    """A preset with the sizes of a backbone, or as it is.

    Raises:
        ValueError: it has none for that backbone.
    """
    settings = PRESETS[preset]
    if backbone is None or backbone == settings.backbone:
        return settings
    if preset not in SIZES[backbone]:
        own = ", ".join(name for name in PRESETS if name in SIZES[backbone] or PRESETS[name].backbone == backbone)
        raise ValueError(f"the preset {preset} has no sizes for the backbone {backbone}, but these have: {own}")
    return replace(settings, model=SIZES[backbone][preset])


WITHOUT_EFFECT = {
    ("data", "workers"),
    ("data", "root"),
    ("loss", "lpips_backbone"),
    ("model", "gradient_checkpointing"),
}
"""Settings that change where files are or how much memory is used, and no number."""


def with_dim(name: str, bits: int | None, options: Mapping[str, Any], dim: int) -> dict[str, Any]:
    """`options`, and `dim` where the quantizer leaves its width to the user: neither chosen, nor fixed by the rate.

    Raises:
        ValueError: no such quantizer or rate.
    """
    if "dim" in options or "dim" not in quantizer_options(name, options.get("base")):
        return dict(options)
    fixed = {} if bits is None else options_for_bits(name, bits, options)
    return dict(options) if "dim" in fixed else {**options, "dim": dim}


def effective(settings: Settings) -> dict[str, Any]:
    """The settings that decide the numbers, flat: {"train.images": 16000, ...}."""
    flat: dict[str, Any] = {}
    for section, values in asdict(settings).items():
        for name, value in values.items() if isinstance(values, dict) else [("", values)]:
            if (section, name) not in WITHOUT_EFFECT:
                flat[f"{section}.{name}".rstrip(".")] = value
    if flat["backbone"] == DEFAULT_BACKBONE:
        del flat["backbone"]  # the runs that were stored before there was another do not say it
    return flat


def changes(settings: Settings, preset: PresetName) -> dict[str, Any]:
    """The settings that differ from the preset's own, but for the data's source, which every table names."""
    own = effective(preset_settings(preset, settings.backbone))
    backbone = {} if settings.backbone == PRESETS[preset].backbone else {"backbone": settings.backbone}
    other = {name: value for name, value in effective(settings).items() if value != own[name] and name != "data.source"}
    return backbone | other


def digest(*parts: Any) -> str:
    """A short name for JSON-able values: equal values, equal names."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:10]


def settings_digest(settings: Settings, protocol: str, fingerprint: str) -> str:
    """Names what two rows must share to be compared; the data by its content, not by its path."""
    return digest({**effective(settings), "data.source": fingerprint}, protocol)


def run_id(run: RunConfig, protocol: str, fingerprint: str) -> str:
    """The run's file name: same configuration, data and seed give the same name."""
    rate = "" if run.bits is None else f"-{run.bits}bit"
    name = run.quantizer.replace(":", ".")
    own = [run.quantizer, run.bits, run.options, run.seed, *([run.code] if run.code else [])]
    key = digest(*own, settings_digest(run.settings, protocol, fingerprint))
    return f"{name}{rate}-seed{run.seed}-{key}"


def command_line(run: RunConfig) -> str:
    """The command that makes this run again."""
    words = ["python", "-m", "benchmarks.run", "--quantizer", run.quantizer]
    words += ["--bits"] if run.bits is None else ["--bits", str(run.bits)]
    if run.options:
        words += ["--options", *(f"{name}={value!r}" for name, value in run.options.items())]
    words += ["--preset", run.preset, "--data", run.settings.data.source, "--seed", str(run.seed)]
    for name, value in changes(run.settings, run.preset).items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            section, _, field = flag.rpartition(".")
            words.append(f"--{flag}" if value else f"--{section}.no-{field}")
        else:
            values = value if isinstance(value, list | tuple) else [value]
            words += [f"--{flag}", *map(str, values)]
    return shlex.join(words)
