"""One prior from its settings to its stored record: train, measure, draw, write."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from safetensors.torch import save_file

from benchmarks.checkpoint import replacing
from benchmarks.config import digest
from benchmarks.data import Data, DataConfig, EvaluationData, open_data, open_part, test_batches
from benchmarks.environment import environment
from benchmarks.evaluate.trained import require_tokenizer, trained_tokenizer
from benchmarks.experiment import plain
from benchmarks.generate.arguments import Arguments
from benchmarks.generate.codes import CodeBatch, Encoder, centre_crops, crops, in_order, shuffled
from benchmarks.generate.measure import generate, nll_bits, sampling_speed
from benchmarks.generate.record import SCHEMA, Generation, path_for, write_generation
from benchmarks.generate.settings import PriorSettings, changes
from benchmarks.generate.training import PriorTrainer
from benchmarks.grids import save_tiles
from benchmarks.metrics.generation import PROTOCOL, GenerationMetrics, generation_metrics
from benchmarks.results import Record, TrainingRecord, write_arrays
from benchmarks.stored import configuration, require_same_pictures
from benchmarks.tables import asked_bits, label
from benchmarks.training_loop import Progress
from benchmarks.weights import MetricWeights
from priors import CodeLayout, Prior, create_prior
from priors.fingerprint import fingerprint
from priors.token_set import TokenSet

SHOWN = 64
"""Pictures of the grid that is stored."""

BATCH = 64
"""Pictures at a time where no number depends on it."""


@dataclass(frozen=True)
class Tokens:
    """Token sets, in the place of a run's pictures."""

    train: TokenSet
    test: TokenSet

    @property
    def classes(self) -> int:
        return len(self.train.contents.classes)

    @property
    def data(self) -> dict[str, Any]:
        """What they are of."""
        return {"train": self.train.contents.data, "test": self.test.contents.data}


@dataclass(frozen=True)
class Job:
    """A prior to be trained on a run's tokenizer; everything is opened and checked.

    Attributes:
        run: The run's record.
        run_path: Its file.
        settings: The prior's.
        preset: The name that these are changed from.
        seed: Of weights, order and pictures.
        encoder: The run's tokenizer.
        data: The run's pictures.
        real: Its training pictures, as the protocol crops them.
        tokens: What is trained on and measured with instead of pictures.
        command: What makes the record again.
    """

    run: Record
    run_path: Path
    settings: PriorSettings
    preset: str
    seed: int
    encoder: Encoder
    data: Data
    real: EvaluationData
    tokens: Tokens | None
    command: str

    @property
    def comparable(self) -> str:
        """A digest of what priors on several tokenizers must share for their numbers to be compared."""
        return digest(self.settings.digest, None if self.tokens is None else self.tokens.data)

    @property
    def path(self) -> Path:
        """Where its record belongs."""
        return path_for(self.run_path, self.run.id, digest(self.comparable, self.seed))

    @property
    def checkpoint(self) -> Path:
        """Where its training is kept until it is done."""
        return self.path.with_suffix(".checkpoint.safetensors")

    @property
    def name(self) -> str:
        """The run and the prior in a few words."""
        return f"{tokenizer_name(self.run)}, {self.settings.prior}"

    def training_codes(self, start: int, accelerator: Accelerator) -> Iterator[CodeBatch]:
        """This process's share of the batches from a step on."""
        train, rank, world_size = self.settings.train, accelerator.process_index, accelerator.num_processes
        if self.tokens is None:
            return crops(self.data, self.encoder, train, self.seed, start, rank, world_size)
        return shuffled(self.tokens.train, self.encoder.layout, train, self.seed, start, rank, world_size)

    def test_codes(self) -> Iterator[CodeBatch]:
        """Codes of the test pictures, each once."""
        if self.tokens is None:
            return centre_crops(self.data, self.encoder, BATCH)
        return in_order(self.tokens.test, self.encoder.layout, BATCH)

    def known_codes(self) -> Iterator[CodeBatch]:
        """Codes of the training pictures, each once."""
        if self.tokens is None:
            return centre_crops(self.real, self.encoder, BATCH)
        return in_order(self.tokens.train, self.encoder.layout, BATCH)

    def prior(self) -> Prior:
        """The prior before its training; equal seeds give equal weights."""
        torch.manual_seed(self.seed)
        return create_prior(self.settings.model, self.encoder.layout, 0 if self.tokens is None else self.tokens.classes)


def tokenizer_name(run: Record) -> str:
    """A run in a few words."""
    return f"{label(run)} {asked_bits(run)} bits seed {run.seed}"


@lru_cache(maxsize=1)
def open_both(config: DataConfig) -> tuple[Data, EvaluationData]:
    """A run's pictures, and its training pictures as the protocol crops them; kept for the next run on the same."""
    return open_data(config), open_part(config, "train")


def open_job(path: Path, run: Record, arguments: Arguments, device: torch.device) -> Job:
    """The job on a stored run.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    require_tokenizer(path, run)
    config = configuration(path, run).settings.data
    if arguments.data is not None:
        config = replace(config, source=arguments.data, root=None)
    tokenizer = trained_tokenizer(path, run)
    encoder = Encoder(tokenizer.to(device), CodeLayout.of(tokenizer, config.image_size, arguments.flatten), device)
    seed = run.seed if arguments.seed is None else arguments.seed
    command = ["python", "-m", "benchmarks.generate", "--run", path.as_posix(), "--prior", arguments.prior]
    command += ["--preset", str(arguments.preset), "--seed", str(seed)]
    for name, value in changes(arguments.settings, arguments.preset or "quick").items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            section, _, field = flag.rpartition(".")
            command.append(f"--{flag}" if value else f"--{section}.no-{field}".replace("--.", "--"))
        else:
            command += [f"--{flag}", *map(str, value if isinstance(value, list | tuple) else [value])]
    tokens = None
    if arguments.train_tokens is not None and arguments.test_tokens is not None:
        of = fingerprint(tokenizer)
        tokens = Tokens(TokenSet.open(arguments.train_tokens, of), TokenSet.open(arguments.test_tokens, of))
        command += ["--train-tokens", arguments.train_tokens.as_posix()]
        command += ["--test-tokens", arguments.test_tokens.as_posix()]
    data, real = open_both(config)
    require_same_pictures(path, run, data)
    preset = str(arguments.preset)
    return Job(run, path, arguments.settings, preset, seed, encoder, data, real, tokens, shlex.join(command))


def perform(
    job: Job,
    accelerator: Accelerator,
    weights: MetricWeights,
    every: int,
    on_start: Callable[[int], None],
    on_progress: Callable[[Progress], None],
    on_stage: Callable[[str], None],
    stop_requested: Callable[[], bool],
) -> Generation | None:
    """Train the prior, going on from its checkpoint if there is one; the first process measures and stores it.

    Args:
        every: Steps between checkpoints.
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
    trainer = PriorTrainer(job.prior(), job.settings.train, job.seed, accelerator, job.path.stem)
    if job.checkpoint.exists():
        trainer.load(job.checkpoint)
    on_start(trainer.step)
    codes = job.training_codes(trainer.step, accelerator)
    trainer.fit(codes, job.checkpoint, every, on_progress, stop_requested)
    trainer.save(job.checkpoint)  # what follows may be long, too
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
        preset=job.preset,
        prior=job.settings.prior,
        exact=prior.exact,
        settings=job.comparable,
        changes=plain(changes(job.settings, job.preset)),  # type: ignore[arg-type]
        config=plain(asdict(job.settings)),
        layout=plain(asdict(job.encoder.layout)),
        classes=prior.classes,
        seed=job.seed,
        data=job.data.record if job.tokens is None else job.tokens.data,
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
    write_generation(job.path, record)
    job.checkpoint.unlink(missing_ok=True)
