"""From what `python -m benchmarks.run` is asked for to its runs, and what is wrong with them."""

from __future__ import annotations

import psutil
import torch
from accelerate import Accelerator

from benchmarks.command_line.options import parse_options
from benchmarks.command_line.usage import UsageError
from benchmarks.records import baselines
from benchmarks.training.arguments import Arguments
from benchmarks.training.models import make_quantizer, weights_digest
from benchmarks.training.presets import preset_settings
from benchmarks.training.settings import RunConfig, Settings
from benchmarks.training.signals import signal_of, signal_of_data
from quantizers import list_quantizers
from quantizers.registry import source_digest

PRECISIONS = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def plan(arguments: Arguments) -> list[RunConfig]:
    """The runs asked for, each quantizer made once to see that it can be; first the baselines of their settings and
    rates, or those that are named where nothing else is.

    Raises:
        ValueError: a quantizer, rate or option that cannot work.
    """
    signal = signal_of_data(arguments.data)
    loss, _ = signal.choose_loss(arguments.loss, arguments.lpips_backbone_of_loss)
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
    for name, value in settings.data.of_backbone.items():
        if getattr(arguments.model, name) not in (value, getattr(own.model, name)):
            flag = name.replace("_", "-")
            raise UsageError(f"--model.{flag} follows --data, which has {value}; set it there, by --data.{flag}")
    options = parse_options(arguments.options)
    names: list[str] = []
    for name in arguments.quantizer:
        names += [entry.name for entry in list_quantizers()] if name == "all" else [name]
    bits_asked = arguments.bits or (None,)
    if other := [name for name in names if name in baselines.NAMES and name not in signal.baselines]:
        raise UsageError(f"{other[0]} is no baseline of {signal.noun}: there are {', '.join(signal.baselines)}")
    if all(name in baselines.NAMES for name in names):
        named = signal.baseline_runs(arguments.preset, settings, bits_asked, names)
        for run in named:
            signal.make_baseline(run)
        return named
    runs: list[RunConfig] = []
    rates: list[int] = []
    for name in dict.fromkeys(name for name in names if name not in baselines.NAMES):
        its = {**signal.options.get(name, {}), **options}
        for bits in dict.fromkeys(bits_asked):
            for seed in dict.fromkeys(arguments.seed):
                run = RunConfig(name, bits, its, seed, arguments.preset, settings, source_digest(name), start)
                rate = make_quantizer(run).bits_per_position
                runs.append(run)
            if name != "none":
                rates.append(round(rate) if bits is None else bits)
    return [*signal.baseline_runs(arguments.preset, settings, rates), *runs]


def require_memory(settings: Settings, accelerator: Accelerator) -> None:
    """Raise ValueError when a training step cannot be shared out, or cannot fit, and say what it needs."""
    train = settings.train
    part = train.part(accelerator.num_processes)
    signal = signal_of(settings)
    needed = signal.memory(settings, part, PRECISIONS[train.precision])
    if needed is None:
        return
    if accelerator.device.type == "cuda":
        available, place = torch.cuda.mem_get_info(accelerator.device)[0], "this GPU"
    else:
        available, place = psutil.virtual_memory().available // accelerator.num_processes, "this machine"
    if needed > available:
        raise UsageError(
            f"a training step on {part} {signal.crops} of {settings.data.size} needs {needed / 2**30:.1f} GiB, and "
            f"{place} has {available / 2**30:.1f} GiB free: raise --train.accumulation, "
            f"{'set --model.gradient-checkpointing, ' if hasattr(settings.model, 'gradient_checkpointing') else ''}"
            "lower --train.batch-size, or take a smaller --preset"
        )
