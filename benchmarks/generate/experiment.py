"""One prior from its job to its stored records: trained and its bits measured, then drawn from and its pictures
measured, as often as somebody asks for another sampling."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image

from benchmarks.generate.job import Job, tokenizer_name
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.generation.drawing import drawn_labels, generate, nll_bits, sampling_speed
from benchmarks.records.arrays import write_arrays
from benchmarks.records.environment import environment
from benchmarks.records.files import write_model
from benchmarks.records.generation import PROTOCOL, SCHEMA, PriorRecord, SamplingRecord
from benchmarks.records.grids import draw_tiles, save_tiles
from benchmarks.records.record import TrainingRecord, trained_content
from benchmarks.records.samples import looks
from benchmarks.records.values import plain
from benchmarks.training.in_step import in_step
from benchmarks.training.loop import Progress
from benchmarks.training.models import save_weights
from benchmarks.training.prior_settings import generation_changes
from benchmarks.training.prior_trainer import PriorTrainer
from benchmarks.training.tracking.names import TrackerName
from benchmarks.training.tracking.tracked import tracked
from priors import Prior

SHOWN = 64
"""Pictures of the grid that is stored."""
WATCHED = 16
"""Of one that trackers are shown."""


def train(
    job: Job,
    accelerator: Accelerator,
    every: int,
    log: Sequence[TrackerName],
    on_start: Callable[[int], None],
    on_progress: Callable[[Progress], None],
    on_stage: Callable[[str], None],
    stop_requested: Callable[[], bool],
) -> Prior | None:
    """Train the prior, going on from its checkpoint if there is one; the first process measures the bits and stores it.

    Args:
        every: Steps between checkpoints.
        log: Trackers that watch the training.
        on_start: Called with the step that the training starts at.
        on_progress: Called as the training goes on.
        on_stage: Called with what is being done after the training.
        stop_requested: Asked after every step.

    Returns:
        The prior in eval mode; None on the other processes.

    Raises:
        TrainingStopped: `stop_requested` said so; the same command goes on.
        TrainingError: the training went wrong.
    """
    begin = time.perf_counter()
    path, checkpoint = job.path, job.checkpoint

    def fit() -> PriorTrainer:
        trainer = PriorTrainer(
            job.prior(),
            job.settings.train,
            job.seed,
            accelerator,
            path.stem,
            trained_content(job.data_record),
            job.weights,
        )
        trainer.resume(checkpoint)
        on_start(trainer.step)
        codes = job.training_codes(trainer.step, accelerator)
        settings = {"run": job.run.id, "seed": job.seed, **plain(asdict(job.settings))}
        with tracked(on_progress, log, job.logs, trainer, settings, partial(look, job, trainer)) as tell:
            trainer.fit(codes, checkpoint, every, tell, stop_requested)
        trainer.save(checkpoint)  # what follows may be long, too
        return trainer

    trainer = in_step(job.name, fit)
    if not accelerator.is_main_process:
        return None
    prior = trainer.evaluated()
    on_stage(f"bits of the test {job.signal.noun}")
    bits = nll_bits(prior, job.test_codes(), job.encoder.device)
    on_stage(f"bits of the training {job.signal.noun}")
    known = nll_bits(prior, job.known_codes(), job.encoder.device)
    modelled = job.signal.modelled(bits, job.config)
    record = PriorRecord(
        schema_version=SCHEMA,
        id=path.stem,
        protocol=PROTOCOL,
        run=job.run.id,
        tokenizer=tokenizer_name(job.run),
        weights=job.weights,
        preset=job.preset,
        prior=job.settings.prior,
        exact=prior.exact,
        settings=job.comparable,
        changes=plain(job.changes),
        config=plain(asdict(job.settings)),
        layout=plain(asdict(job.encoder.layout)),
        classes=prior.classes,
        class_names=list(job.class_names),
        seed=job.seed,
        data=job.data_record,
        metrics={
            **{name: float(values.mean()) for name, values in modelled.items()},
            "train_nll_bits": float(known.mean()),
            "nll_gap": float(bits.mean() - known.mean()),
        },
        parameters=sum(parameter.numel() for parameter in prior.parameters() if parameter.requires_grad),
        training=TrainingRecord(
            images=trainer.train.steps * trainer.train.batch_size,
            steps=trainer.train.steps,
            processes=accelerator.num_processes,
            seconds=round(trainer.seconds, 2),
            images_per_second=trainer.images_per_second(),
            data_images_per_second=None,
            losses={"loss": trainer.history[-1]["loss"]},
        ),
        environment=environment(accelerator.device),
        command=job.training_command,
        created=datetime.now(timezone.utc),
        wall_seconds=round(time.perf_counter() - begin, 2),
    )
    curves = {f"curve/{name}": np.array([entry[name] for entry in trainer.history]) for name in ("step", "loss")}
    arrays = {**{f"{job.signal.item}/{name}": values for name, values in modelled.items()}, "train/nll_bits": known}
    save_weights(prior, path, {"prior": record.id})
    write_arrays(path, arrays | curves)
    write_model(path, record)  # last: once it is there, the prior is done
    checkpoint.unlink(missing_ok=True)
    return prior


def look(job: Job, trainer: PriorTrainer) -> Image.Image:
    """Pictures that the prior draws now, of the same noise each time."""
    config = replace(job.generation, count=WATCHED, batch_size=WATCHED)
    with trainer.present() as prior:
        (drawn,) = generate(prior, job.encoder, config, job.seed, job.classes)
    return draw_tiles(looks(drawn.numpy()))


def sample(
    job: Job,
    prior: Prior,
    weights: MetricWeights,
    png: Path | None,
    on_drawn: Callable[[int], None],
    on_stage: Callable[[str], None],
    stop_requested: Callable[[], bool],
) -> SamplingRecord:
    """Draw from the stored prior, measure the pictures, and store the first of them and the numbers.

    Args:
        prior: In eval mode, on the device of the job.
        weights: Of metrics.
        png: Folder that each picture is written to, too.
        on_drawn: Called with the number of pictures of each batch.
        on_stage: Called with what is being done after that.
        stop_requested: Asked before every step of a batch.

    Raises:
        SamplingStopped: `stop_requested` said so; nothing of it is kept but the files in `png`.
    """
    begin = time.perf_counter()
    path, config, device = job.sampling_path, job.generation, job.encoder.device
    first: list[torch.Tensor] = []

    def kept() -> Iterator[torch.Tensor]:
        for batch in draw(job, prior, png, on_drawn, stop_requested):
            first.append(batch[: max(0, SHOWN - sum(map(len, first)))])
            yield batch
        on_stage("measuring")

    found = job.signal.measure_generated(kept(), job.real_crops(), weights, device)
    on_stage("timing")
    speed = job.signal.sampling_speeds(sampling_speed(prior, job.encoder, config, job.classes), job.config)
    notes = found.notes
    if config.classes:
        only = f"of {len(config.classes)} of {prior.classes} classes, beside real pictures of all of them"
        measured = [name for name, value in found.metrics.items() if value is not None]
        notes = notes | {name: "; ".join(filter(None, (notes.get(name), only))) for name in measured}
    record = SamplingRecord(
        schema_version=SCHEMA,
        id=path.stem,
        protocol=PROTOCOL,
        prior=job.path.stem,
        run=job.run.id,
        settings=job.drawn,
        changes=plain(generation_changes(config, job.preset)),
        config=plain(asdict(config)),
        seed=job.generation_seed,
        metrics=found.metrics,
        missing=found.missing,
        notes=notes,
        generated=found.generated,
        references=found.references,
        speed=speed,
        environment=environment(device),
        command=job.command,
        created=datetime.now(timezone.utc),
        wall_seconds=round(time.perf_counter() - begin, 2),
    )
    samples = torch.cat(first).numpy()
    arrays = {"samples": samples, **job.signal.stored_with(job.config)}
    labels = drawn_labels(job.classes, config.count)
    if labels is not None:
        arrays["labels"] = labels[: len(samples)].numpy()
    save_tiles(path.with_suffix(".png"), looks(samples), job.drawn_classes[: len(samples)])
    write_arrays(path, arrays)
    write_model(path, record)
    return record


def draw(
    job: Job,
    prior: Prior,
    png: Path | None,
    on_drawn: Callable[[int], None],
    stop_requested: Callable[[], bool],
) -> Iterator[torch.Tensor]:
    """What is drawn, as it is stored, batch after batch, each also as a file where there is a folder for them;
    otherwise as `sample`."""
    files = iter(() if png is None else [png / name for name in job.item_files()])
    seed, classes = job.generation_seed, job.classes
    for batch in generate(prior, job.encoder, job.generation, seed, classes, stop_requested=stop_requested):
        for item, file in zip(batch.numpy(), files, strict=False):
            job.signal.save_item(file, item, job.about, job.config)
        on_drawn(len(batch))
        yield batch
