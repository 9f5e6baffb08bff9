"""The configuration of a run: what is trained, on what, for how long.

Every field here decides the numbers of a run and is stored with it, except the few that only say where files
are or how many workers read them (`WITHOUT_EFFECT`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from autoencoders.pictures.loss_config import LossConfig
from autoencoders.pictures.sizes import BackboneConfig, BackboneName, VQGANConfig, backbone_of
from benchmarks.data import DataConfig
from benchmarks.records import baselines
from benchmarks.records.record import DEFAULT_BACKBONE
from benchmarks.records.values import digest

PresetName = Literal[
    "smoke", "quick", "cpu", "vqgan-f16", "llamagen-16", "llamagen-8", "vit-vqgan", "vqvae", "vqvae2", "dalle"
]


@dataclass(frozen=True)
class TrainConfig:
    """How long and how fast a tokenizer is trained."""

    images: int = 16_000
    """Training images shown, crops counted one by one; every quantizer is shown the same ones."""
    batch_size: int = 32
    """Images of one optimizer step, over all processes."""
    accumulation: int = 1
    """Parts that a process cuts its share of a batch into, to save memory. The quantizers see the batch whole, for
    which the encoder runs twice; the adaptive GAN weight and the discriminator's batch norms are of a part."""
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
    deferred: float = 0.0
    """Share of the steps that run without the quantizer, which is then started on latents that mean something (Zhao et
    al. 2026, arXiv:2603.17052)."""
    start: Path | None = None
    """A stored run (RUN.json), its weights beside it, whose encoder and decoder this training starts from, as far as
    they have the same sizes; the quantizer starts on their latents."""
    backbone: BackboneName = DEFAULT_BACKBONE
    """Follows from `model`; it is a field in order to be stored."""

    def __post_init__(self) -> None:
        """The image size is said once, by the data; the backbone's follows. ValueError on a loss that is not for it."""
        object.__setattr__(self, "model", replace(self.model, image_size=self.data.image_size))
        object.__setattr__(self, "backbone", backbone_of(self.model))
        object.__setattr__(self, "start", None if self.start is None else Path(self.start))
        if not 0 <= self.deferred < 1:
            raise ValueError(f"deferred is a share of the steps in [0, 1), not {self.deferred}")
        if self.quantizer_start >= self.train.steps:
            raise ValueError(f"deferred {self.deferred} of {self.train.steps} steps leaves none for the quantizer")
        if self.loss.reconstruction == "logit-laplace" and self.backbone != "dvae":
            raise ValueError(
                "loss.reconstruction logit-laplace is for a decoder that gives the scale of the pixels too, the "
                f"backbone dvae's, not for {self.backbone}: take l1 or l2"
            )

    @property
    def quantizer_start(self) -> int:
        """The step from which the quantizer is there."""
        return round(self.deferred * self.train.steps)


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


def describe(run: RunConfig) -> str:
    """A run in a few words."""
    rate = "" if run.bits is None else f" {run.bits} bits"
    return f"{run.quantizer}{rate}" + ("" if run.quantizer in baselines.NAMES else f" seed {run.seed}")


WITHOUT_EFFECT = {
    ("data", "workers"),
    ("data", "root"),
    ("loss", "lpips_backbone"),
    ("model", "gradient_checkpointing"),
}
"""Settings that change where files are or how much memory is used, and no number."""


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


def settings_digest(settings: Settings, protocol: str, fingerprint: str) -> str:
    """Names what two rows must share to be compared; the data by its content and the run that a training starts from by
    its name, not by their paths."""
    start = settings.start and settings.start.stem
    return digest({**effective(settings), "data.source": fingerprint, "start": start}, protocol)


def run_id(run: RunConfig, settings: str) -> str:
    """The run's file name: same configuration, data and seed give the same name.

    Args:
        run: What is asked for.
        settings: The digest of its settings, protocol and data.
    """
    rate = "" if run.bits is None else f"-{run.bits}bit"
    name = run.quantizer.replace(":", ".")
    own = [run.quantizer, run.bits, run.options, run.seed, *([run.code] if run.code else [])]
    key = digest(*own, settings)
    return f"{name}{rate}-seed{run.seed}-{key}"
