"""What `python -m benchmarks.run` is asked for: its flags, the runs that they mean, and what is wrong with them."""

from __future__ import annotations

import argparse
import ast
import hashlib
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import psutil
import torch
import tyro
from accelerate import Accelerator

from autoencoders import training_memory
from autoencoders.pictures.perceptual import choose_perceptual
from autoencoders.pictures.settings import BackboneConfig, BackboneName, LossConfig, VQGANConfig
from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.usage import UsageError
from benchmarks.data import DataConfig
from benchmarks.training import baselines
from benchmarks.training.models import make_quantizer
from benchmarks.training.presets import preset_settings
from benchmarks.training.settings import PresetName, RunConfig, Settings, TrainConfig
from quantizers import list_quantizers, quantizer_class

PRECISIONS = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Arguments:
    """Train a tokenizer with a quantizer on real pictures, measure it under the reconstruction protocol, store the run
    and show its row.

    Each combination of --quantizer, --bits and --seed is one run. A run that is stored already is shown and not done
    again; one that was interrupted goes on where it stopped. Under `torchrun` or `accelerate launch` the same command
    trains on several processes.
    """

    quantizer: tuple[str, ...] = ("fsq",)
    """Names from --list, package.module:Class for your own, or "all". The baselines block-mean, pca and kmeans are done
    beside them; named alone, they are done alone."""
    bits: tuple[int, ...] = (10,)
    """Bits per position of the code grid; --bits without a number leaves the rate to --options."""
    seed: tuple[int, ...] = (0,)
    """Seeds: of the initial weights, the order and crops of the pictures, and any noise."""
    preset: PresetName = "quick"
    """smoke: seconds, for tests. quick: 32 px, about two core-minutes. cpu: 64 px, about twelve core-minutes.
    The others, for GPUs, are as published. The flags below change single settings of it."""
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
    checkpoint_every: int = 100
    """Steps between checkpoints."""
    eval_batch_size: int = 32
    """Pictures per batch in the evaluation."""
    inception: Path | None = None
    """Weights of the FID Inception network, for the rFID column; see python -m benchmarks.weights."""
    lpips_backbone: Path | None = None
    """Weights of the LPIPS backbone, for the LPIPS column and loss; see python -m benchmarks.weights."""
    data: DataConfig = field(default_factory=DataConfig)
    model: tyro.conf.AvoidSubcommands[BackboneConfig] = field(default_factory=VQGANConfig)
    dim: int = 256
    """Channels of the latent for the quantizers that leave their width to the user."""
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    deferred: float = 0.0
    """Share of the steps that run without the quantizer, which is then started on latents that mean something."""
    start: Path | None = None
    """A stored run (RUN.json, its weights beside it) whose encoder and decoder the training starts from: a new
    quantizer in a trained autoencoder."""


def parse(argv: Sequence[str]) -> Arguments:
    """The arguments, the preset's settings being the defaults of the flags that change them."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--preset", choices=get_args(PresetName), default=Arguments.preset)
    first.add_argument("--backbone", choices=get_args(BackboneName))
    chosen = first.parse_known_args(list(argv))[0]
    preset = preset_settings(chosen.preset, chosen.backbone)
    default = Arguments(
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


def quantizer_options_of(words: Sequence[str]) -> dict[str, Any]:
    """["decay=0.9", "levels=(8, 5)"] -> {"decay": 0.9, "levels": (8, 5)}; what is no Python literal is a string."""
    options: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"--options takes name=value, e.g. decay=0.9, not {word!r}")
        try:
            options[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            options[name] = value
    return options


def plan(arguments: Arguments) -> list[RunConfig]:
    """The runs asked for, each quantizer made once to see that it can be; first the baselines of their settings and
    rates, or those that are named where nothing else is.

    Raises:
        ValueError: a quantizer, rate or option that cannot work.
    """
    loss = replace(arguments.loss, lpips_backbone=arguments.loss.lpips_backbone or arguments.lpips_backbone)
    loss = replace(loss, perceptual=choose_perceptual(loss.perceptual, loss.lpips_backbone).kind)
    settings = Settings(
        data=arguments.data,
        model=arguments.model,
        dim=arguments.dim,
        loss=loss,
        train=arguments.train,
        deferred=arguments.deferred,
        start=arguments.start,
    )
    if arguments.start is not None and not arguments.start.with_suffix(".safetensors").is_file():
        raise UsageError(
            f"--start {arguments.start}: no weights beside it; name the record (RUN.json) of a run trained here"
        )
    own = preset_settings(arguments.preset, arguments.backbone)
    if arguments.model.image_size not in (settings.model.image_size, own.model.image_size):
        raise UsageError("the size of the pictures is set by --data.image-size; --model.image-size follows it")
    options = quantizer_options_of(arguments.options)
    names: list[str] = []
    for name in arguments.quantizer:
        names += [entry.name for entry in list_quantizers()] if name == "all" else [name]
    bits_asked = arguments.bits or (None,)
    if all(name in baselines.NAMES for name in names):
        named = baselines.baseline_runs(arguments.preset, settings, bits_asked, names)
        for run in named:
            baselines.make_baseline(run)
        return named
    runs: list[RunConfig] = []
    rates: list[int] = []
    for name in dict.fromkeys(name for name in names if name not in baselines.NAMES):
        for bits in dict.fromkeys(bits_asked):
            for seed in dict.fromkeys(arguments.seed):
                run = RunConfig(name, bits, options, seed, arguments.preset, settings, source_digest(name))
                rate = make_quantizer(run).bits_per_position
                runs.append(run)
            if name != "none":
                rates.append(round(rate) if bits is None else bits)
    possible = [rate for rate in rates if baselines.has_kmeans(settings, rate)]
    return [*baselines.baseline_runs(arguments.preset, settings, possible), *runs]


def source_digest(name: str) -> str | None:
    """Digest of the file that a `package.module:Class` stands in; None for a quantizer of the registry."""
    if ":" not in name:
        return None
    path = inspect.getsourcefile(quantizer_class(name))
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:10] if path else None


def require_memory(settings: Settings, accelerator: Accelerator) -> None:
    """Raise UsageError when a training step cannot fit, and say what it needs."""
    train = settings.train
    part = max(1, train.batch_size // (accelerator.num_processes * train.accumulation))
    needed = training_memory(
        settings.model,
        settings.loss,
        part,
        dim=settings.dim,
        precision=PRECISIONS[train.precision],
        weight_average=train.weight_ema > 0,
    ).total
    if accelerator.device.type == "cuda":
        available, place = torch.cuda.mem_get_info(accelerator.device)[0], "this GPU"
    else:
        available, place = psutil.virtual_memory().available // accelerator.num_processes, "this machine"
    if needed > available:
        raise UsageError(
            f"a training step on {part} images of {settings.data.image_size} px needs {needed / 2**30:.1f} GiB, and "
            f"{place} has {available / 2**30:.1f} GiB free: raise --train.accumulation, "
            f"{'set --model.gradient-checkpointing, ' if hasattr(settings.model, 'gradient_checkpointing') else ''}"
            "lower --train.batch-size, or take a smaller --preset"
        )
