"""One run from its configuration to its stored record: build, train, evaluate, time, write."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from functools import partial
from typing import Any

import numpy as np
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from jaxtyping import Shaped
from PIL import Image
from rich.console import Console
from torch import Tensor

from autoencoders import Tokenizer
from autoencoders.extents import extended
from benchmarks.data import training_batches
from benchmarks.metrics.device import measuring_device
from benchmarks.records import baselines
from benchmarks.records.environment import environment
from benchmarks.records.files import if_stored
from benchmarks.records.record import (
    SCHEMA,
    QuantizerRecord,
    Record,
    TrainingRecord,
    read_record,
    trained_content,
    write_record,
)
from benchmarks.records.values import plain
from benchmarks.training.execution import Execution
from benchmarks.training.in_step import in_step
from benchmarks.training.loop import Progress
from benchmarks.training.models import make_tokenizer, save_weights, start_from
from benchmarks.training.progress import interruptible, training_bar
from benchmarks.training.resolved import ResolvedRun
from benchmarks.training.settings import RunConfig, describe
from benchmarks.training.signals import Measured, SignalData, signal_of
from benchmarks.training.signals.signal import Model
from benchmarks.training.tracking.tracked import tracked
from benchmarks.training.trainer import Trainer
from storage.paths import StrPath


def find_done(path: StrPath, accelerator: Accelerator) -> Record | None:
    """The record at `path` if that run is done; decided by the first process for all."""
    found = if_stored(path, read_record) if accelerator.is_main_process else None
    return broadcast_object_list([found])[0]


def perform(
    run: ResolvedRun,
    execution: Execution,
    on_start: Callable[[int], None],
    on_progress: Callable[[Progress], None],
    on_stage: Callable[[str], None],
    stop_requested: Callable[[], bool],
) -> Record:
    """Do one run, going on from its checkpoint if there is one, and store it. All processes call this.

    Args:
        on_start: Called with the step that the training starts at.
        on_progress: Called as the training goes on.
        on_stage: Called with what is being done after the training.
        stop_requested: Asked after every step.
    """
    accelerator = execution.accelerator
    data = run.data
    started = time.perf_counter()
    signal = signal_of(run.asked.settings)
    model: Model
    history: list[dict[str, float]] = []
    if run.asked.quantizer in baselines.NAMES:
        on_stage("fitting")
        model, training = _fit(run.asked, data, accelerator)
    else:
        model, training, history = _train(run, execution, on_start, on_progress, stop_requested)
    if isinstance(model, Tokenizer):
        model = model.to(accelerator.device).eval()

    on_stage("evaluating")
    seen = 0

    def evaluated(count: int) -> None:
        nonlocal seen
        seen += count * accelerator.num_processes
        on_stage(f"evaluating {min(seen, len(data.test))}/{len(data.test)}")

    evaluation = signal.evaluate(model, data, run.asked.settings, execution, evaluated)
    record = None
    if accelerator.is_main_process:
        on_stage("timing")
        speed = signal.measure_speed(model, data, run.asked.settings, accelerator.device)
        record = _record(run, execution, model, evaluation, speed, training, started)
        _store(run, record, model, evaluation, history)
    accelerator.wait_for_everyone()
    accelerator.free_memory()
    return broadcast_object_list([record])[0]


SHOWN = (
    "reconstruction",
    "perceptual",
    "waveform",
    "mel",
    "temporal",
    "quantizer",
    "generator",
    "discriminator",
    "perplexity",
)


def perform_with_bar(run: ResolvedRun, execution: Execution, console: Console) -> Record:
    """One run under a progress bar, or under a line now and then where the output is no terminal; in step on all
    processes."""
    asked = run.asked
    steps = 1 if asked.quantizer in baselines.NAMES else asked.settings.train.steps
    crops = signal_of(asked.settings).crops
    with training_bar(describe(asked), steps, crops, SHOWN, console) as bar, interruptible() as stop_requested:
        work = partial(perform, run, execution, bar.start, bar.progress, bar.stage, stop_requested)
        return in_step(describe(asked), work)


def _train(
    run: ResolvedRun,
    execution: Execution,
    on_start: Callable[[int], None],
    on_progress: Callable[[Progress], None],
    stop_requested: Callable[[], bool],
) -> tuple[Tokenizer, TrainingRecord, list[dict[str, float]]]:
    accelerator, asked = execution.accelerator, run.asked
    train = asked.settings.train
    tokenizer = make_tokenizer(asked)
    if asked.settings.start is not None:
        start_from(tokenizer, asked.settings.start)
    recall = partial(_batches, asked, run.data, accelerator)
    content = trained_content(run.data.record)
    weights = asked.start_weights
    trainer = Trainer(tokenizer, asked.settings, asked.seed, accelerator, run.id, recall, content, weights)
    trainer.resume(run.checkpoint)
    on_start(trainer.step)
    batches = recall(trainer.step, train.steps - trainer.step)

    def samples() -> Image.Image:
        return trainer.signal.draw(run.data, asked.quantizer, trainer.reconstruct)

    with tracked(on_progress, execution.log, run.logs, trainer, plain(asdict(asked)), samples) as tell:
        trainer.fit(batches, run.checkpoint, execution.checkpoint_every, tell, stop_requested)
    probe = min(train.steps, 20)
    begin = time.perf_counter()
    images = sum(len(batch) for batch in recall(0, probe)) * accelerator.num_processes
    data_speed = images / (time.perf_counter() - begin)
    last = trainer.history[-1]
    training = TrainingRecord(
        images=train.steps * train.batch_size,
        steps=train.steps,
        processes=accelerator.num_processes,
        seconds=round(trainer.seconds, 2),
        images_per_second=trainer.images_per_second(),
        data_images_per_second=data_speed,
        losses={name: value for name, value in last.items() if name not in ("step", "images_per_second")},
    )
    return trainer.evaluated(), training, trainer.history


def _batches(
    run: RunConfig, data: SignalData, accelerator: Accelerator, start: int, steps: int
) -> Iterator[Shaped[Tensor, "share ..."]]:
    """This process's share of some batches of the run's training."""
    return training_batches(
        data,
        run.settings.train.batch_size,
        seed=run.seed,
        start_step=start,
        steps=steps,
        rank=accelerator.process_index,
        world_size=accelerator.num_processes,
        device=accelerator.device,
    )


def _fit(run: RunConfig, data: SignalData, accelerator: Accelerator) -> tuple[Model, TrainingRecord]:
    """A baseline, fitted on the first crops of the training, where float64 exists; a codec in daily use as it is."""
    begin = time.perf_counter()
    signal = signal_of(run.settings)
    model: Model = signal.make_baseline(run)
    items = 0
    if isinstance(model, Tokenizer):
        device = measuring_device(accelerator.device)
        steps = signal.fitting_items(run.settings) // run.settings.train.batch_size
        batches = _batches(run, data, accelerator, 0, steps)
        fitted: Any = model.to(device)
        items = fitted.fit(extended(model, signal.to_float(batch, device)) for batch in batches)
    return model, TrainingRecord(
        images=items,
        steps=0,
        processes=accelerator.num_processes,
        seconds=round(time.perf_counter() - begin, 2) if items else 0.0,
        images_per_second=None,
        data_images_per_second=None,
        losses={},
    )


def _record(
    run: ResolvedRun,
    execution: Execution,
    model: Model,
    evaluation: Measured,
    speed: dict[str, float | None],
    training: TrainingRecord,
    started: float,
) -> Record:
    asked = run.asked
    parameters: dict[str, int] = {}
    quantizer = QuantizerRecord.without_codes(asked.quantizer, asked.options)
    if isinstance(model, Tokenizer):
        quantizer = QuantizerRecord.of(asked.quantizer, asked.options, model.quantizers[0])
        parameters = {
            name: sum(parameter.numel() for parameter in part.parameters()) for name, part in model.named_children()
        }
        parameters["total"] = sum(parameters.values())
    return Record(
        schema_version=SCHEMA,
        id=run.id,
        protocol=signal_of(asked.settings).protocol,
        preset=asked.preset,
        settings=run.settings,
        changes=plain(run.changes),
        seed=asked.seed,
        quantizer=quantizer,
        config=plain(asdict(asked)),
        data=run.data.record,
        metrics=evaluation.metrics,
        missing=evaluation.missing,
        notes=evaluation.notes | execution.notes,
        speed=speed,
        parameters=parameters,
        training=training,
        environment=environment(execution.accelerator.device),
        command=run.command,
        training_images=asked.settings.train.steps * asked.settings.train.batch_size,
        created=datetime.now(timezone.utc),
        wall_seconds=round(time.perf_counter() - started, 2),
    )


def _store(
    run: ResolvedRun, record: Record, model: Model, evaluation: Measured, history: list[dict[str, float]]
) -> None:
    """The record last: once it is there, the run is done."""
    names = sorted({name for entry in history for name in entry})
    curves = {f"curve/{name}": np.array([entry.get(name, math.nan) for entry in history]) for name in names}
    if isinstance(model, Tokenizer):
        save_weights(model, run.path, {"config": json.dumps(record.config), "run": record.id})
    store_evaluation(run.path, record, evaluation, curves)
    run.checkpoint.unlink(missing_ok=True)


def store_evaluation(
    path: StrPath, record: Record, evaluation: Measured, curves: Mapping[str, np.ndarray] | None = None
) -> None:
    """What was measured: a picture of originals over reconstructions, the arrays and the record."""
    evaluation.save_samples(path, record.quantizer.name)
    write_record(path, record, {**evaluation.arrays(), **(curves or {})})
