"""What `python -m benchmarks.run` is asked for: its flags."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, get_args

import tyro
from annotated_types import MinLen

from autoencoders.audio.loss_config import AudioLossConfig
from autoencoders.pictures.loss_config import LossConfig
from autoencoders.pictures.sizes import VQGANConfig
from autoencoders.ranges import Bits, Count, PartialShare, Seeds, Size
from autoencoders.sizes import BackboneConfig, BackboneName
from autoencoders.video.loss_config import FilmLossConfig
from benchmarks.command_line.flags import parse_flags
from benchmarks.data.config import DataConfig
from benchmarks.data.films.config import FilmConfig
from benchmarks.data.sounds.config import SoundConfig
from benchmarks.training.presets import preset_settings
from benchmarks.training.settings import SIGNALS, PresetName, TrainConfig
from benchmarks.training.tracking.names import TrackerName


@dataclass(frozen=True)
class Arguments:
    """Train a tokenizer with a quantizer on pictures, sounds or films, measure it under its signal's protocol, store
    the run and show its row.

    Each combination of --quantizer, --bits and --seed is one run. A run that is stored already is shown and not done
    again; one that was interrupted goes on where it stopped. Under `torchrun` or `accelerate launch` the same command
    trains on several processes.
    """

    quantizer: Annotated[tuple[str, ...], MinLen(1)] = ("fsq",)
    """Names from --list, package.module:Class for your own, or "all". The baselines (block-mean, pca and kmeans; of
    sounds opus, mp3 and mdct-kmeans; of films h264, hevc and av1, too) are done beside them; named alone, they are done
    alone."""
    bits: tuple[Bits, ...] = (10,)
    """Bits per position of the code grid, of sounds 60 unless given; --bits without a number leaves the rate to
    --options."""
    seed: Seeds = (0,)
    """Seeds: of the initial weights, the order and crops of the data, and any noise."""
    preset: PresetName = "quick"
    """smoke: seconds, for tests. quick: 32 px, about two core-minutes. cpu: 64 px, about twelve core-minutes.
    speech-smoke, speech-quick, speech-cpu, music-cpu: the same of sounds; video-smoke, video-quick, video-cpu: of
    films. The others, for GPUs, are as published. The flags below change single settings of it."""
    backbone: BackboneName | None = None
    """The network around the quantizer, at the preset's sizes; the preset's own unless given."""
    options: tuple[str, ...] = ()
    """Options of the quantizers as name=value, e.g. decay=0.9."""
    output: Path = Path("runs")
    """Folder that runs are stored in."""
    force: bool = False
    """Do runs again that are stored already."""
    list: bool = False
    """Show the quantizers, a line each, and stop."""
    cpu: bool = False
    """Stay on the CPU where there is a GPU."""
    checkpoint_every: Count = 100
    """Steps between checkpoints."""
    log: Annotated[tuple[TrackerName, ...], tyro.conf.arg(aliases=["--log-with"])] = ()
    """What watches the training, one or several: its curves, and originals over reconstructions at every tenth of it.
    jsonl: files in RUN.logs beside the run. tensorboard, wandb: these programs (extras of the same names). Under
    torchrun write --log-with: it takes --log for one of its own flags."""
    eval_batch_size: Count = 32
    """Pictures per batch in the evaluation; sounds and films go one by one."""
    inception: Path | None = None
    """Weights of the FID Inception network, for the rFID column; see python -m benchmarks.weights."""
    lpips_backbone: Path | None = None
    """Weights of the LPIPS backbone, for the LPIPS column and loss; see python -m benchmarks.weights."""
    i3d: Path | None = None
    """TorchScript file of the network of the Fréchet video distance, for the rFVD column of films."""
    data: tyro.conf.AvoidSubcommands[DataConfig | SoundConfig | FilmConfig] = field(default_factory=DataConfig)
    model: tyro.conf.AvoidSubcommands[BackboneConfig] = field(default_factory=VQGANConfig)
    dim: Size = 256
    """Channels of the latent for the quantizers that leave their width to the user."""
    loss: tyro.conf.AvoidSubcommands[LossConfig | AudioLossConfig | FilmLossConfig] = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    deferred: PartialShare = 0.0
    """Share of the steps that run without the quantizer, which is then started on latents that mean something. 0.4 pays
    for lfq and ibq, and costs methods with a codebook up to 0.3 dB (results/README.md)."""
    start: Path | None = None
    """A stored run (RUN.json, its weights beside it) whose encoder and decoder the training starts from: a new
    quantizer in a trained autoencoder."""

    @property
    def lpips_backbone_of_loss(self) -> Path | None:
        """Where LPIPS's backbone is for the loss, unless the loss says another place itself."""
        return getattr(self.loss, "lpips_backbone", None) or self.lpips_backbone


def parse(argv: Sequence[str]) -> Arguments:
    """The arguments, the preset's settings being the defaults of the flags that change them."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--preset", choices=get_args(PresetName), default=Arguments.preset)
    first.add_argument("--backbone", choices=get_args(BackboneName))
    chosen = first.parse_known_args(list(argv))[0]
    preset = preset_settings(chosen.preset, chosen.backbone)
    default = Arguments(
        bits=(SIGNALS[preset.signal].bits,),
        preset=chosen.preset,
        backbone=chosen.backbone,
        data=preset.data,
        model=preset.model,
        dim=preset.dim,
        loss=preset.loss,
        train=preset.train,
        deferred=preset.deferred,
        start=preset.start,
    )
    return parse_flags(Arguments, "benchmarks.run", argv, default)
