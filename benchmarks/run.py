"""Train tokenizers, measure them, and show their rows: `python -m benchmarks.run --quantizer fsq`."""

from __future__ import annotations

import argparse
import ast
import inspect
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import psutil
import torch
import tyro
from accelerate import Accelerator
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar
from rich.table import Table

from autoencoders import LossConfig, VQGANConfig, training_memory
from autoencoders.perceptual import choose_perceptual
from benchmarks import tables
from benchmarks.checkpoint import CheckpointError
from benchmarks.config import PRESETS, PresetName, RunConfig, Settings, TrainConfig
from benchmarks.data import Data, DataConfig, open_data
from benchmarks.evaluation import MetricWeights
from benchmarks.experiment import BLOCK_MEAN, Execution, find_done, make_quantizer, perform, record_path
from benchmarks.grids import save_grid
from benchmarks.results import Record, read_arrays
from benchmarks.training import Progress, TrainingError, TrainingStopped, make_accelerator
from quantizers import list_quantizers


@dataclass(frozen=True)
class Arguments:
    """Train a VQGAN with a quantizer on real pictures, measure it under the reconstruction protocol, store the run
    and show its row.

    Each combination of --quantizer, --bits and --seed is one run. A run that is stored already is shown and not done
    again; one that was interrupted goes on where it stopped. Under `torchrun` or `accelerate launch` the same command
    trains on several processes.
    """

    quantizer: tuple[str, ...] = ("fsq",)
    """Names from --list, package.module:Class for your own, or "all"."""
    bits: tuple[int, ...] = (10,)
    """Bits per position of the code grid; --bits without a number leaves the rate to --options."""
    seed: tuple[int, ...] = (0,)
    """Seeds: of the initial weights, the order and crops of the pictures, and any noise."""
    preset: PresetName = "quick"
    """smoke: seconds, for tests. quick: 32 px, about two minutes on two CPU cores. cpu: 64 px, about half an hour.
    vqgan-f16: 256 px as published, for GPUs. The flags below change single settings of it."""
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
    model: VQGANConfig = field(default_factory=VQGANConfig)
    dim: int = 256
    """Channels of the latent for the quantizers that leave their width to the user."""
    loss: LossConfig = field(default_factory=LossConfig)
    train: TrainConfig = field(default_factory=TrainConfig)


PRECISIONS = {"no": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class UsageError(ValueError):
    """A mistake in what was asked for; the message is one sentence for the person who asked."""


def parse(argv: Sequence[str]) -> Arguments:
    """The arguments, the preset's settings being the defaults of the flags that change them."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--preset", choices=get_args(PresetName), default=Arguments.preset)
    name: PresetName = first.parse_known_args(list(argv))[0].preset
    preset = PRESETS[name]
    return tyro.cli(
        Arguments,
        prog="python -m benchmarks.run",
        description=inspect.cleandoc(Arguments.__doc__ or ""),
        default=Arguments(
            preset=name, data=preset.data, model=preset.model, dim=preset.dim, loss=preset.loss, train=preset.train
        ),
        args=list(argv),
        config=(tyro.conf.FlagCreatePairsOff,),
    )


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
    """The runs asked for, each quantizer made once to see that it can be; the block-mean baseline comes first.

    Raises:
        ValueError: a quantizer, rate or option that cannot work.
    """
    loss = replace(arguments.loss, lpips_backbone=arguments.loss.lpips_backbone or arguments.lpips_backbone)
    loss = replace(loss, perceptual=choose_perceptual(loss.perceptual, loss.lpips_backbone).kind)
    settings = Settings(data=arguments.data, model=arguments.model, dim=arguments.dim, loss=loss, train=arguments.train)
    if arguments.model.image_size not in (settings.model.image_size, PRESETS[arguments.preset].model.image_size):
        raise UsageError("the size of the pictures is set by --data.image-size; --model.image-size follows it")
    options = quantizer_options_of(arguments.options)
    names: list[str] = []
    for name in arguments.quantizer:
        names += [entry.name for entry in list_quantizers()] if name == "all" else [name]
    runs = [RunConfig(BLOCK_MEAN, None, {}, 0, arguments.preset, settings)]
    for name in dict.fromkeys(names):
        if name == BLOCK_MEAN:
            continue
        for bits in dict.fromkeys(arguments.bits or (None,)):
            for seed in dict.fromkeys(arguments.seed):
                run = RunConfig(name, bits, options, seed, arguments.preset, settings)
                make_quantizer(run)
                runs.append(run)
    return runs


def require_writable(folder: Path) -> None:
    """Raise UsageError unless files can be made in `folder`; makes it where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable.{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(
            f"cannot write to --output {folder}: {error.strerror}; name a folder that you may write"
        ) from error


@contextmanager
def interruptible() -> Iterator[Any]:
    """A question, "was a stop asked for?": the first Ctrl-C or SIGTERM sets it, a second one ends at once."""
    asked = False

    def ask(number: int, frame: Any) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def describe(run: RunConfig) -> str:
    """A run in a few words."""
    rate = "" if run.bits is None else f" {run.bits} bits"
    return f"{run.quantizer}{rate} seed {run.seed}" if run.quantizer != BLOCK_MEAN else BLOCK_MEAN


def perform_with_bar(run: RunConfig, data: Data, execution: Execution, console: Console) -> Record:
    """One run under a progress bar, or under a line now and then where the output is no terminal."""
    steps = run.settings.train.steps if run.quantizer != BLOCK_MEAN else 1
    bar = ProgressBar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[values]}"),
        console=console,
        disable=not console.is_terminal,
    )
    shown = ("reconstruction", "perceptual", "quantizer", "generator", "discriminator", "perplexity")
    spoken = 0

    with bar, interruptible() as stop_requested:
        task = bar.add_task(describe(run), total=steps, values="")

        def start(step: int) -> None:
            if step:
                console.print(f"{escape(describe(run))}: going on from step {step} of {steps}")
            bar.update(task, completed=step)

        def progress(now: Progress) -> None:
            nonlocal spoken
            values = " ".join(f"{name} {now.values[name]:.4g}" for name in shown if name in now.values)
            text = f"{values} {now.images_per_second:.0f} img/s"
            bar.update(task, completed=now.step, values=text)
            if bar.disable and now.step * 10 // steps > spoken:
                spoken = now.step * 10 // steps
                console.print(f"{escape(describe(run))}: step {now.step}/{steps} {text}")

        def stage(name: str) -> None:
            bar.update(task, values=name)

        return perform(run, data, execution, start, progress, stage, stop_requested)


def show(records: Sequence[Record], done: Sequence[Path], console: Console) -> None:
    """The table of the runs asked for, a picture of them all, and where things are."""
    tables.print_groups(tables.summarise(tables.to_frame(records)), console)
    for remark in tables.remarks(records):
        console.print(escape(remark), soft_wrap=True)
    samples = [(record, read_arrays(path)) for record, path in zip(records, done, strict=True)]
    rows: dict[str, np.ndarray] = {}
    for record, arrays in samples:
        if "samples/original" in arrays:
            rows.setdefault("original", arrays["samples/original"])
            rows.setdefault(f"{tables.label(record)}", arrays["samples/reconstruction"])
    if rows:
        picture = done[-1].parent / "comparison.png" if len(done) > 2 else done[-1].with_suffix(".png")
        save_grid(picture, rows)
        console.print(f"picture: {escape(str(picture))}", soft_wrap=True)
    for record in records:
        training = record.training
        if training.images_per_second and training.data_images_per_second:
            console.print(
                f"{escape(tables.label(record))} seed {record.seed}: trained on {training.images:,} images in "
                f"{training.seconds:.0f} s, {training.images_per_second:.0f} images/s; the data loader alone gives "
                f"{training.data_images_per_second:.0f} images/s",
                soft_wrap=True,
                highlight=False,
            )
    for path in done:
        console.print(f"record:  {escape(str(path))}", soft_wrap=True)


def show_quantizers(console: Console) -> None:
    """The quantizers, a line each."""
    table = Table("quantizer", "what it is", box=None, header_style="bold")
    for entry in list_quantizers():
        table.add_row(entry.name, escape(entry.description))
    console.print(table)


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
            f"{place} has {available / 2**30:.1f} GiB free: raise --train.accumulation, set "
            "--model.gradient-checkpointing, lower --train.batch-size, or take a smaller --preset"
        )


def prepare(arguments: Arguments) -> tuple[list[RunConfig], Data, Execution]:
    """Everything that can be found wrong with what was asked for is found here, before the first run starts.

    Raises:
        ValueError: a mistake of the user's, in a sentence (DataError and UsageError are of this kind).
    """
    runs = plan(arguments)
    require_writable(arguments.output)
    weights = MetricWeights.find(inception=arguments.inception, lpips_backbone=arguments.lpips_backbone)
    accelerator = make_accelerator(arguments.train, arguments.cpu)
    settings = runs[0].settings
    require_memory(settings, accelerator)
    choice = choose_perceptual(arguments.loss.perceptual, settings.loss.lpips_backbone)
    notes = {"perceptual loss": choice.reason} if arguments.loss.perceptual == "auto" else {}
    with accelerator.local_main_process_first():  # one process downloads, where there is something to download
        data = open_data(arguments.data)
    execution = Execution(
        arguments.output, accelerator, weights, arguments.checkpoint_every, arguments.eval_batch_size, notes
    )
    return runs, data, execution


def execute(
    arguments: Arguments,
    runs: Sequence[RunConfig],
    data: Data,
    execution: Execution,
    console: Console,
    errors: Console,
) -> int:
    """Do the runs; 0 when all are done, 1 when one failed, 130 when the user stopped them."""
    accelerator = execution.accelerator
    console.quiet = errors.quiet = not accelerator.is_main_process
    records, paths, failures = [], [], []
    for run in runs:
        path = record_path(run, data, arguments.output)
        record = None if arguments.force else find_done(path, accelerator)
        if record is not None:
            console.print(f"{escape(describe(run))}: done already, see {escape(str(path))}", soft_wrap=True)
        else:
            try:
                record = perform_with_bar(run, data, execution, console)
            except (TrainingError, CheckpointError) as error:
                failures.append(run)
                errors.print(f"error: {escape(f'{describe(run)}: {error}')}", soft_wrap=True)
                continue
            except TrainingStopped as stopped:
                errors.print(f"{escape(describe(run))}: {stopped}; the same command goes on from there", soft_wrap=True)
                return 130
        records.append(record)
        paths.append(path)
    if accelerator.is_main_process:
        show(records, paths, console)
    if failures:
        errors.print(f"{len(failures)} of {len(runs)} runs failed; the others are stored")
    return 1 if failures else 0


def main(argv: Sequence[str]) -> int:
    """The command; a user's mistake becomes a sentence and exit code 2."""
    console, errors = Console(), Console(stderr=True)
    try:
        arguments = parse(argv)
        if arguments.list:
            show_quantizers(console)
            return 0
        runs, data, execution = prepare(arguments)
    except ValueError as error:
        errors.print(f"error: {escape(str(error))}", soft_wrap=True)
        return 2
    return execute(arguments, runs, data, execution, console, errors)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
