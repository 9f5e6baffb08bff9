"""What is to be done: a prior on a stored run's tokenizer, with everything that it needs opened and checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from benchmarks.command_line.flags import as_flags
from benchmarks.command_line.usage import UsageError
from benchmarks.data import Data, DataConfig, EvaluationData, open_data, open_evaluation_data
from benchmarks.generate.arguments import Arguments
from benchmarks.protocols.generation.codes import CodeBatch, Encoder, centre_crops, in_order
from benchmarks.records.files import LOGS, if_stored
from benchmarks.records.generation import path_for, read_generation
from benchmarks.records.record import Record, same_content
from benchmarks.records.values import as_command, digest
from benchmarks.tables.comparable import asked_bits, label
from benchmarks.training.codes import crops, shuffled
from benchmarks.training.models import weights_digest
from benchmarks.training.prior_settings import PriorPreset, PriorSettings, changes
from benchmarks.training.stored import configuration, require_same_content, require_same_pictures
from benchmarks.training.trained import require_tokenizer, trained_tokenizer
from priors import CodeLayout, Prior, create_prior
from priors.fingerprint import fingerprint
from priors.token_set import TokenSet

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
        weights: Digest of the run's weights.
        encoder: The run's tokenizer.
        data: The run's pictures.
        real: Its training pictures, as the protocol crops them.
        tokens: What is trained on and measured with instead of pictures.
        command: What makes the record again.
    """

    run: Record
    run_path: Path
    settings: PriorSettings
    preset: PriorPreset
    seed: int
    weights: str
    encoder: Encoder
    data: Data
    real: EvaluationData
    tokens: Tokens | None
    command: str

    @property
    def pictures(self) -> dict[str, Any]:
        """What the record says of what is trained on and measured with."""
        return self.data.record if self.tokens is None else self.tokens.data

    @property
    def comparable(self) -> str:
        """A digest of what priors on several tokenizers must share for their numbers to be compared: each has the seed
        of its run, or all have another one."""
        seed = None if self.seed == self.run.seed else self.seed
        return digest(self.settings.digest, None if self.tokens is None else self.tokens.data, seed)

    @property
    def path(self) -> Path:
        """Where its record belongs."""
        return path_for(self.run_path, self.run.id, digest(self.comparable, self.seed))

    @property
    def checkpoint(self) -> Path:
        """Where its training is kept until it is done."""
        return self.path.with_suffix(".checkpoint.safetensors")

    @property
    def logs(self) -> Path:
        """Folder of what its training tells trackers."""
        return self.path.with_suffix(LOGS)

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
    return open_data(config), open_evaluation_data(config, "train")


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
    command += ["--preset", arguments.preset, "--seed", str(seed)]
    command += as_flags(changes(arguments.settings, arguments.preset))
    tokens = None
    if arguments.train_tokens is not None and arguments.test_tokens is not None:
        of = fingerprint(tokenizer)
        tokens = Tokens(TokenSet.open(arguments.train_tokens, of), TokenSet.open(arguments.test_tokens, of))
        command += ["--train-tokens", arguments.train_tokens.as_posix()]
        command += ["--test-tokens", arguments.test_tokens.as_posix()]
    data, real = open_both(config)
    require_same_pictures(path, run, data)
    weights = weights_digest(path)
    job = Job(
        run,
        path,
        arguments.settings,
        arguments.preset,
        seed,
        weights,
        encoder,
        data,
        real,
        tokens,
        as_command(*command),
    )
    known = None if arguments.force else if_stored(job.path, read_generation)
    if known is not None:
        require_same_content(job.path, known.data, job.pictures)
        if not same_content(known.weights, weights):
            raise UsageError(
                f"{job.path}: its codes are of other weights than those of {path}, a run that was made again since; "
                "train it again by --force, or bring those back"
            )
    return job
