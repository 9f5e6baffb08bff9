"""From the command's arguments and a stored run to a job, with everything opened and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.command_line.flags import as_flags
from benchmarks.command_line.usage import UsageError
from benchmarks.generate.arguments import Arguments
from benchmarks.generate.classes import classes_named, require_drawable
from benchmarks.generate.job import Job, Tokens
from benchmarks.protocols.generation.codes import Encoder
from benchmarks.records.record import Record, same_content
from benchmarks.training.models import weights_digest
from benchmarks.training.prior_settings import changes
from benchmarks.training.signals import PartData, SignalData, signal_of_data
from benchmarks.training.stored import configuration, require_same_content, require_same_data
from benchmarks.training.trained import require_tokenizer, trained_tokenizer
from priors import CodeLayout
from priors.fingerprint import fingerprint
from priors.token_set import TokenSet


def open_both(config: Any) -> tuple[SignalData, PartData]:
    """A run's data, and of them what it trains on, each once."""
    signal = signal_of_data(config)
    return signal.open(config), signal.open_training(config)


def open_tokens(train: Path, test: Path, of: str) -> Tokens:
    """Token sets of the tokenizer with that fingerprint; ValueError where they are of another, or name a label
    otherwise."""
    tokens = Tokens(TokenSet.open(train, of), TokenSet.open(test, of))
    if tokens.train.contents.classes != tokens.test.contents.classes:
        raise UsageError(
            f"{train} and {test} have other classes, or in another order: a label would be of two; make both from one "
            "data set by benchmarks.tokens --classes"
        )
    return tokens


def open_job(
    path: Path,
    run: Record,
    arguments: Arguments,
    device: torch.device,
    open_data: Callable[[Any], tuple[SignalData, PartData]],
) -> Job:
    """The job on a stored run, whose data are opened as by `open_both`.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    require_tokenizer(path, run)
    config = configuration(path, run).settings.data
    signal = signal_of_data(config)
    if arguments.data is not None:
        config = config.elsewhere(arguments.data)
    tokenizer = trained_tokenizer(path, run)
    layout = CodeLayout.of(
        tokenizer, config.extent, arguments.flatten, delay=arguments.delay, by_scale=arguments.model.by_scale
    )
    encoder = Encoder(tokenizer.to(device), layout, device, signal.to_unit_range, signal.to_samples)
    seed = run.seed if arguments.seed is None else arguments.seed
    words = ["python", "-m", "benchmarks.generate", "--run", path.as_posix(), "--prior", arguments.prior]
    words += ["--preset", arguments.preset, "--seed", str(seed)]
    words += as_flags(changes(arguments.settings, arguments.preset))
    tokens = None
    if arguments.train_tokens is not None and arguments.test_tokens is not None:
        if not run.of_pictures:  # of sounds they are whole, and a prior takes crops
            raise UsageError(f"{path}: a tokenizer of {run.signal}, where token sets to train on are of pictures")
        tokens = open_tokens(arguments.train_tokens, arguments.test_tokens, fingerprint(tokenizer))
        words += ["--train-tokens", arguments.train_tokens.as_posix()]
        words += ["--test-tokens", arguments.test_tokens.as_posix()]
    names = () if tokens is None else tokens.train.contents.classes
    generation = arguments.generation
    require_drawable(generation, names, arguments.model.label_dropout)
    generation = replace(
        generation,
        seed=None if generation.seed == seed else generation.seed,
        classes=classes_named(generation.classes, names),
    )
    data, real = open_data(config)
    require_same_data(path, run, data)
    settings = arguments.settings
    weights = weights_digest(path)
    job = Job(
        run,
        path,
        settings,
        arguments.preset,
        seed,
        weights,
        generation,
        encoder,
        config,
        data,
        real,
        tokens,
        tuple(words),
    )
    if not arguments.force:
        for of_job in job.stored():
            require_same_content(of_job.path, of_job.prior.data, job.data_record)
            if not same_content(of_job.prior.weights, weights):
                raise UsageError(
                    f"{of_job.path}: its codes are of other weights than those of {path}, a run that was made again "
                    "since; train it again by --force, or bring those back"
                )
    return job
