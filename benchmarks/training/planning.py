"""From what `python -m benchmarks.run` is asked for to its runs, and what is wrong with them."""

from __future__ import annotations

from dataclasses import replace

import psutil
import torch
from accelerate import Accelerator

from autoencoders import training_memory
from autoencoders.pictures.perceptual import choose_perceptual
from benchmarks.command_line.options import parse_options
from benchmarks.command_line.usage import UsageError
from benchmarks.training import baselines
from benchmarks.training.arguments import Arguments
from benchmarks.training.models import make_quantizer, weights_digest
from benchmarks.training.presets import preset_settings
from benchmarks.training.settings import RunConfig, Settings
from quantizers import list_quantizers
from quantizers.registry import source_digest

PRECISIONS = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


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
    start = None if arguments.start is None else weights_digest(arguments.start)
    own = preset_settings(arguments.preset, arguments.backbone)
    if arguments.model.image_size not in (settings.model.image_size, own.model.image_size):
        raise UsageError("the size of the pictures is set by --data.image-size; --model.image-size follows it")
    options = parse_options(arguments.options)
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
                run = RunConfig(name, bits, options, seed, arguments.preset, settings, source_digest(name), start)
                rate = make_quantizer(run).bits_per_position
                runs.append(run)
            if name != "none":
                rates.append(round(rate) if bits is None else bits)
    possible = [rate for rate in rates if baselines.has_kmeans(settings, rate)]
    return [*baselines.baseline_runs(arguments.preset, settings, possible), *runs]


def require_memory(settings: Settings, accelerator: Accelerator) -> None:
    """Raise ValueError when a training step cannot be shared out, or cannot fit, and say what it needs."""
    train = settings.train
    part = train.part(accelerator.num_processes)
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
