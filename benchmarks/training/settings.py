"""The configuration of a run: what is trained, on what, for how long.

Every field here decides the numbers of a run and is stored with it, except the few that only say where files
are or how many workers read them (`WITHOUT_EFFECT`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from autoencoders.audio.loss_config import AudioLossConfig
from autoencoders.audio.sizes import AudioBackboneConfig
from autoencoders.pictures.loss_config import LossConfig
from autoencoders.pictures.sizes import PictureBackboneConfig, VQGANConfig
from autoencoders.ranges import Bits, Count, PartialShare, Seed, Share, Size, Weight, check_ranges
from autoencoders.sizes import BackboneConfig, BackboneName, backbone_of, misfit
from autoencoders.video.loss_config import FilmLossConfig
from autoencoders.video.sizes import FilmBackboneConfig
from benchmarks.data import DataConfig
from benchmarks.data.films.config import FilmConfig
from benchmarks.data.sounds.config import SoundConfig
from benchmarks.records import baselines
from benchmarks.records.record import DEFAULT_BACKBONE, SignalName
from benchmarks.records.values import digest

PresetName = Literal[
    "smoke",
    "quick",
    "cpu",
    "vqgan-f16",
    "llamagen-16",
    "llamagen-8",
    "var-16",
    "vit-vqgan",
    "vqvae",
    "vqvae2",
    "dalle",
    "speech-smoke",
    "speech-quick",
    "speech-cpu",
    "music-cpu",
    "soundstream",
    "encodec-24khz",
    "dac-44khz",
    "video-smoke",
    "video-quick",
    "video-cpu",
    "magvit2",
    "vidtok-488",
]


class SignalSettings(NamedTuple):
    """What the settings of one signal are made of, and the bits per position that its runs have unless asked for
    others."""

    data: type[Any]
    backbones: tuple[type[Any], ...]
    loss: type[Any]
    bits: int


SIGNALS: Mapping[SignalName, SignalSettings] = {
    "pictures": SignalSettings(DataConfig, get_args(PictureBackboneConfig), LossConfig, 10),
    "sounds": SignalSettings(SoundConfig, get_args(AudioBackboneConfig), AudioLossConfig, 60),
    "films": SignalSettings(FilmConfig, get_args(FilmBackboneConfig), FilmLossConfig, 10),
}
"""By the type of its data; `signals` has what is done with them."""


@dataclass(frozen=True)
class TrainConfig:
    """How long and how fast a tokenizer is trained."""

    images: Count = 16_000
    """Training images shown, or crops of sounds or clips of films, counted one by one; every quantizer is shown the
    same ones."""
    batch_size: Count = 32
    """Images of one optimizer step, over all processes."""
    accumulation: Count = 1
    """Parts that a process cuts its share of a batch into, to save memory. The quantizers see the batch whole, for
    which the encoder runs twice; the adaptive GAN weight and the discriminator's batch norms are of a part."""
    learning_rate: Weight = 4.5e-6
    """Peak learning rate of Adam per image of the batch."""
    warmup: Share = 0.05
    """Share of the steps over which the rate climbs from 0; after that it falls by a cosine."""
    final_rate: Share = 0.0
    """What the rate falls to, as a share of its peak."""
    betas: tuple[PartialShare, PartialShare] = (0.5, 0.9)
    """Adam's betas."""
    weight_ema: PartialShare = 0.999
    """Decay of the average of the weights that is evaluated and stored; 0 takes the last weights."""
    precision: Literal["no", "bf16", "fp16"] = "no"
    """Mixed precision of the training; the evaluation is in fp32."""
    compile: bool = False
    """Compile the tokenizer with torch.compile."""

    def __post_init__(self) -> None:
        """Refuse settings that cannot work."""
        check_ranges(self)
        if self.images < self.batch_size:
            raise ValueError(
                f"train.images is {self.images} and train.batch_size {self.batch_size}: at least one whole batch is "
                "needed"
            )
        self.part(1)

    @property
    def steps(self) -> int:
        """Optimizer steps."""
        return self.images // self.batch_size

    def part(self, processes: int) -> int:
        """Images that a process takes at a time. ValueError where the parts of a batch would differ in size: averaged
        gradients would weight the images unevenly."""
        size, rest = divmod(self.batch_size, processes * self.accumulation)
        if rest:
            raise ValueError(
                f"train.batch_size {self.batch_size} does not divide into {processes} process(es) x "
                f"{self.accumulation} part(s) (train.accumulation); make it a multiple of "
                f"{processes * self.accumulation}"
            )
        return size


def published_training(images: int, batch_size: int, rate: float, **other: Any) -> TrainConfig:
    """A training as papers tell it: the rate is a batch's and, unless said otherwise, constant; Adam's betas are the
    usual ones, and the last weights are taken."""
    usual = {"warmup": 0.0, "final_rate": 1.0, "betas": (0.9, 0.999), "weight_ema": 0.0}
    return TrainConfig(images=images, batch_size=batch_size, learning_rate=rate / batch_size, **{**usual, **other})


@dataclass(frozen=True)
class Settings:
    """All that two runs must share for their quantizers to be comparable."""

    data: DataConfig | SoundConfig | FilmConfig = field(default_factory=DataConfig)
    model: BackboneConfig = field(default_factory=VQGANConfig)
    dim: Size = 256
    """Channels of the latent for the quantizers that leave their width to the user (VQ, RQ, Gumbel, none)."""
    loss: LossConfig | AudioLossConfig | FilmLossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    deferred: PartialShare = 0.0
    """Share of the steps that run without the quantizer, which is then started on latents that mean something (Zhao et
    al. 2026, arXiv:2603.17052)."""
    start: Path | None = None
    """A stored run (RUN.json), its weights beside it, whose encoder and decoder this training starts from, as far as
    they have the same sizes; the quantizer starts on their latents."""
    backbone: BackboneName = DEFAULT_BACKBONE
    """Follows from `model`; it is a field in order to be stored."""

    def __post_init__(self) -> None:
        """What data and backbone have in common is said once, by the data. ValueError on parts that are not for each
        other."""
        parts = SIGNALS[self.signal]
        if type(self.model) not in parts.backbones or type(self.loss) is not parts.loss:
            kinds = ", ".join(type(part).__name__ for part in (self.data, self.model, self.loss))
            raise ValueError(f"data, model and loss must be of one signal, got {kinds}")
        model = replace(self.model, **self.data.of_backbone)  # type: ignore[arg-type]  # films tell theirs nothing
        object.__setattr__(self, "model", model)
        object.__setattr__(self, "backbone", backbone_of(self.model))
        object.__setattr__(self, "start", None if self.start is None else Path(self.start))
        check_ranges(self)
        if (why := misfit(self.model, self.data.extent)) is not None:
            raise ValueError(f"training crops of {self.data.size} are {why}")
        if self.quantizer_start >= self.train.steps:
            raise ValueError(f"deferred {self.deferred} of {self.train.steps} steps leaves none for the quantizer")
        logit_laplace = isinstance(self.loss, LossConfig) and self.loss.reconstruction == "logit-laplace"
        if logit_laplace and self.backbone != "dvae":
            raise ValueError(
                "loss.reconstruction logit-laplace is for a decoder that gives the scale of the pixels too, the "
                f"backbone dvae's, not for {self.backbone}: take l1 or l2"
            )

    @property
    def signal(self) -> SignalName:
        """What it is that is tokenized, by the data."""
        return next(name for name, parts in SIGNALS.items() if isinstance(self.data, parts.data))

    @property
    def quantizer_start(self) -> int:
        """The step from which the quantizer is there."""
        return round(self.deferred * self.train.steps)


@dataclass(frozen=True)
class RunConfig:
    """One run: a quantizer at a rate, with a seed, in the settings of a preset."""

    quantizer: str
    bits: Bits | None
    options: dict[str, Any]
    seed: Seed
    preset: PresetName
    settings: Settings
    code: str | None = None
    """Digest of the source of a quantizer from outside this project: an edited one makes another run."""
    start_weights: str | None = None
    """Digest of the weights of `settings.start`, no part of the run's name: where that run was made again, which its
    name does not say, nothing is done already. None also in runs of earlier versions."""

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be."""
        check_ranges(self)


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
