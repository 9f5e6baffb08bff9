"""One run from its configuration to its stored record, and many of them at once."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from autoencoders.ranges import Bits, Seed, Size, check_ranges
from benchmarks.data.machine import torch_threads
from benchmarks.data.workers import worker_pool
from benchmarks.protocols.source_coding.codec import AffineCodec, measure, train
from benchmarks.protocols.source_coding.settings import Training
from benchmarks.protocols.source_coding.vectors import Source, open_source
from benchmarks.records.environment import environment
from benchmarks.records.files import write_model
from benchmarks.records.record import QuantizerRecord
from benchmarks.records.source_coding import PROTOCOL, SCHEMA, SourceName, SourceRecord, SourceRun, TrainingRecord
from benchmarks.records.values import digest
from quantizers import Quantizer, create_quantizer
from quantizers.registry import with_dim
from storage.paths import StrPath


@dataclass(frozen=True)
class RunConfig:
    """One run: a quantizer at a rate on a source, with a seed. Every field decides its numbers."""

    quantizer: str
    bits: Bits | None
    source: SourceName
    block_length: Size
    seed: Seed
    options: dict[str, Any] = field(default_factory=dict)
    training: Training = field(default_factory=Training)
    code: str | None = None
    """Digest of the source of a quantizer from outside this project: an edited one makes another run."""

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be."""
        check_ranges(self)

    def __str__(self) -> str:
        rate = "" if self.bits is None else f" {self.bits} bits"
        return f"{self.quantizer}{rate} on {self.source}, blocks of {self.block_length}, seed {self.seed}"


def make_quantizer(run: RunConfig) -> Quantizer:
    """The run's quantizer; those that leave their width to the user get a channel for each sample.

    Raises:
        ValueError: no such quantizer, rate or option.
    """
    options = with_dim(run.quantizer, run.bits, run.options, run.block_length)
    return create_quantizer(run.quantizer, bits=run.bits, **options)


def settings_digest(run: RunConfig, source: Source) -> str:
    """Names what two rows must share to be compared."""
    return digest(PROTOCOL, run.source, run.block_length, source.fingerprint, asdict(run.training))


def run_id(run: RunConfig, source: Source) -> str:
    """The run's file name: same configuration, data and seed give the same name."""
    rate = "" if run.bits is None else f"-{run.bits}bit"
    key = digest(run.quantizer, run.bits, run.options, run.seed, run.code, settings_digest(run, source))
    return f"{run.quantizer.replace(':', '.')}{rate}-seed{run.seed}-{key}"


def record_path(run: RunConfig, output: StrPath) -> Path:
    """Where the run's record belongs."""
    output = Path(output)
    source = open_source(run.source, run.block_length)
    return output / f"{run.source}-{run.block_length}" / f"{run_id(run, source)}.json"


def perform(run: RunConfig, output: StrPath) -> SourceRun:
    """Train, measure and store one run.

    Raises:
        CodingError: the training cannot go on.
    """
    begin = time.perf_counter()
    source = open_source(run.source, run.block_length)
    with torch_threads(1):  # numbers then do not depend on the cores, and the tensors are too small for more
        torch.manual_seed(run.seed)
        samples = torch.Generator().manual_seed(int(torch.randint(2**31, ())))
        codec = AffineCodec(run.block_length, make_quantizer(run))
        seconds = train(codec, source, run.training, samples)
        metrics = measure(codec, source)
        place = environment(torch.device("cpu"))
    quantizer = codec.quantizer
    path = record_path(run, output)
    record = SourceRun(
        schema_version=SCHEMA,
        protocol=PROTOCOL,
        id=path.stem,
        settings=settings_digest(run, source),
        asked_bits=run.bits,
        seed=run.seed,
        quantizer=QuantizerRecord.of(run.quantizer, run.options, quantizer),
        source=SourceRecord(
            name=run.source,
            block_length=run.block_length,
            bound_name=source.bound_name,
            variance=source.variance,
            fingerprint=source.fingerprint,
        ),
        config=asdict(run),
        training=TrainingRecord(
            vectors=run.training.steps * run.training.batch_size,
            steps=run.training.steps,
            batch_size=run.training.batch_size,
            seconds=round(seconds, 3),
        ),
        metrics=metrics,
        environment=place,
        command=command_line(run),
        created=datetime.now(timezone.utc),
        wall_seconds=round(time.perf_counter() - begin, 3),
    )
    write_model(path, record)
    return record


def command_line(run: RunConfig) -> str:
    """The command that makes this run again."""
    words = ["python", "-m", "benchmarks.sources", "--quantizer", run.quantizer]
    words += ["--bits"] if run.bits is None else ["--bits", str(run.bits)]
    if run.options:
        words += ["--options", *(f"{name}={value!r}" for name, value in run.options.items())]
    words += ["--source", run.source, "--block-length", str(run.block_length), "--seed", str(run.seed)]
    for name, value in asdict(run.training).items():
        if value != getattr(Training(), name):
            values = value if isinstance(value, tuple) else (value,)
            words += [f"--train.{name.replace('_', '-')}", *map(str, values)]
    return shlex.join(words)


def perform_all(
    runs: Sequence[RunConfig], output: StrPath, workers: int
) -> Iterator[tuple[RunConfig, SourceRun | Exception]]:
    """Do the runs, `workers` at a time, each in a process of its own; yields them as they end.

    One that fails yields what it raised: a quantizer may come from anywhere, and should not end the others.
    """
    if workers == 1:
        for run in runs:
            try:
                yield run, perform(run, output)
            except Exception as error:
                yield run, error
        return
    with worker_pool(workers) as pool:
        pending = {pool.submit(perform, run, output): run for run in runs}
        for done in as_completed(pending):
            raised = done.exception()
            if raised is None:
                yield pending[done], done.result()
            elif isinstance(raised, Exception):
                yield pending[done], raised
            else:
                raise raised
