"""One prior from its job to its stored record: train, measure, draw, write."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone
from functools import partial

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image
from safetensors.torch import save_file

from benchmarks.data import test_batches
from benchmarks.generate.job import BATCH, Job, tokenizer_name
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.generation.drawing import generate, nll_bits, sampling_speed
from benchmarks.protocols.generation.metrics import GenerationMetrics, generation_metrics
from benchmarks.records.environment import environment
from benchmarks.records.files import write_model
from benchmarks.records.generation import PROTOCOL, SCHEMA, Generation
from benchmarks.records.grids import draw_tiles, save_tiles
from benchmarks.records.record import TrainingRecord, trained_content, write_arrays
from benchmarks.records.values import plain
from benchmarks.training.in_step import in_step
from benchmarks.training.loop import Progress
from benchmarks.training.prior_settings import changes
from benchmarks.training.prior_trainer import PriorTrainer
from benchmarks.training.tracking.names import TrackerName
from benchmarks.training.tracking.tracked import tracked
from priors import Prior
from storage.whole_files import replacing

SHOWN = 64
"""Pictures of the grid that is stored."""
WATCHED = 16
"""Of one that trackers are shown."""


def perform(
    job: Job,
    accelerator: Accelerator,
    weights: MetricWeights,
    every: int,
    log: Sequence[TrackerName],
    on_start: Callable[[int], None],
    on_progress: Callable[[Progress], None],
    on_stage: Callable[[str], None],
    stop_requested: Callable[[], bool],
) -> Generation | None:
    """Train the prior, going on from its checkpoint if there is one; the first process measures and stores it.

    Args:
        every: Steps between checkpoints.
        log: Trackers that watch the training.
        on_start: Called with the step that the training starts at.
        on_progress: Called as the training goes on.
        on_stage: Called with what is being done after the training.
        stop_requested: Asked after every step.

    Returns:
        The record; None on the other processes.

    Raises:
        TrainingStopped, SamplingStopped: `stop_requested` said so; the same command goes on.
        TrainingError: the training went wrong.
    """
    begin = time.perf_counter()

    def train() -> PriorTrainer:
        trainer = PriorTrainer(
            job.prior(),
            job.settings.train,
            job.seed,
            accelerator,
            job.path.stem,
            trained_content(job.pictures),
            job.weights,
        )
        trainer.resume(job.checkpoint)
        on_start(trainer.step)
        codes = job.training_codes(trainer.step, accelerator)
        settings = {"run": job.run.id, "seed": job.seed, **plain(asdict(job.settings))}
        with tracked(on_progress, log, job.logs, trainer, settings, partial(samples, job, trainer)) as tell:
            trainer.fit(codes, job.checkpoint, every, tell, stop_requested)
        trainer.save(job.checkpoint)  # what follows may be long, too
        return trainer

    trainer = in_step(job.name, train)
    if not accelerator.is_main_process:
        return None
    prior = trainer.evaluated()
    bits, known, pictures, found = measure(job, prior, weights, on_stage, stop_requested)
    on_stage("timing")
    speed = sampling_speed(prior, job.encoder, job.settings.generation)
    pixels = job.run.data["image_size"] ** 2
    record = Generation(
        schema_version=SCHEMA,
        id=job.path.stem,
        protocol=PROTOCOL,
        run=job.run.id,
        tokenizer=tokenizer_name(job.run),
        weights=job.weights,
        preset=job.preset,
        prior=job.settings.prior,
        exact=prior.exact,
        settings=job.comparable,
        changes=plain(changes(job.settings, job.preset)),
        config=plain(asdict(job.settings)),
        layout=plain(asdict(job.encoder.layout)),
        classes=prior.classes,
        seed=job.seed,
        data=job.pictures,
        metrics={
            "nll_bits": float(bits.mean()),
            "nll_bpp": float(bits.mean() / pixels),
            "train_nll_bits": float(known.mean()),
            "nll_gap": float(bits.mean() - known.mean()),
            **found.metrics,
        },
        missing=found.missing,
        notes=found.notes,
        generated=found.generated,
        references=found.references,
        speed=speed,
        parameters=sum(parameter.numel() for parameter in prior.parameters()),
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
        command=job.command,
        created=datetime.now(timezone.utc),
        wall_seconds=round(time.perf_counter() - begin, 2),
    )
    curves = {f"curve/{name}": np.array([entry[name] for entry in trainer.history]) for name in ("step", "loss")}
    arrays = {"image/nll_bits": bits, "image/nll_bpp": bits / pixels, "train/nll_bits": known, "samples": pictures}
    store(job, record, prior, arrays | curves)
    return record


def samples(job: Job, trainer: PriorTrainer) -> Image.Image:
    """Pictures that the prior draws now, of the same noise each time."""
    config = replace(job.settings.generation, count=WATCHED, batch_size=WATCHED)
    with trainer.present() as prior:
        (pictures,) = generate(prior, job.encoder, config, job.seed)
    return draw_tiles(pictures.numpy())


def measure(
    job: Job,
    prior: Prior,
    weights: MetricWeights,
    on_stage: Callable[[str], None],
    stop_requested: Callable[[], bool],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, GenerationMetrics]:
    """Bits of test and of training pictures, the first generated pictures, and the metrics of all of them."""
    device = job.encoder.device
    on_stage("bits of the test pictures")
    bits = nll_bits(prior, job.test_codes(), device)
    on_stage("bits of the training pictures")
    known = nll_bits(prior, job.known_codes(), device)
    first: list[torch.Tensor] = []
    config = job.settings.generation

    def drawn() -> Iterator[torch.Tensor]:
        done = 0
        for batch in generate(prior, job.encoder, config, job.seed, stop_requested=stop_requested):
            if done < SHOWN:
                first.append(batch[: SHOWN - done])
            done += len(batch)
            on_stage(f"generating {done}/{config.count}")
            yield batch

    real = (pictures for _, pictures in test_batches(job.real, BATCH))
    found = generation_metrics(drawn(), real, weights=weights, device=device)
    return bits, known, torch.cat(first).numpy(), found


def store(job: Job, record: Generation, prior: Prior, arrays: dict[str, np.ndarray]) -> None:
    """The record last: once it is there, the prior is done."""
    weights = {name: tensor.cpu().contiguous().clone() for name, tensor in prior.state_dict().items()}
    with replacing(job.path.with_suffix(".safetensors")) as temporary:
        save_file(weights, temporary, metadata={"prior": record.id})
    save_tiles(job.path.with_suffix(".png"), arrays["samples"])
    write_arrays(job.path, arrays)
    write_model(job.path, record)
    job.checkpoint.unlink(missing_ok=True)
