"""What is to be measured: codecs at their qualities, and runs' tokenizers under each model of their codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.markup import escape

from autoencoders import Tokenizer
from benchmarks.command_line.usage import UsageError
from benchmarks.compress.arguments import Measure
from benchmarks.compress.measured import Items, MeasuredSignal, RatedCodec, Settings
from benchmarks.compress.opening import open_histogram, open_run
from benchmarks.protocols.compression.depths import depths, truncated, truncated_model
from benchmarks.protocols.compression.fidelity import Coder, Numbers
from benchmarks.protocols.compression.measure import model_bits
from benchmarks.protocols.compression.samples import Arrays
from benchmarks.protocols.compression.tokenizer_codec import TokenizerCodec
from benchmarks.records.compression import (
    FOLDER,
    PROTOCOL,
    CodecCoder,
    CodecName,
    Sample,
    TokenizerCoder,
)
from benchmarks.records.generation import PriorRecord
from benchmarks.records.priors import read_generations
from benchmarks.records.record import Record, StoredRuns
from benchmarks.records.values import as_command, digest
from benchmarks.tables.comparable import asked_bits, label
from benchmarks.training.trained import trained_prior
from priors import Prior
from priors.code_models import CodeModel, CodePrior, FixedLength
from priors.fingerprint import fingerprint


class Job(Protocol):
    """A way of coding signals at several rates, and where its measurement belongs."""

    @property
    def path(self) -> Path:
        """Of the record."""

    @property
    def command(self) -> str:
        """What makes it again."""

    @property
    def coder(self) -> CodecCoder | TokenizerCoder:
        """What the record says of it."""

    @property
    def points(self) -> Settings:
        """The rates that it has."""

    def at(self, setting: dict[str, int]) -> Coder[Any]:
        """The coder at one rate."""

    def more(self, coder: Coder[Any], item: Any) -> Numbers:
        """What to say of an item beside what is said of all coders."""

    def samples(self, items: Items) -> tuple[tuple[Sample, ...], Arrays]:
        """What is to be shown."""


@dataclass(frozen=True)
class CodecJob:
    """A codec that people use."""

    codec: RatedCodec
    path: Path
    command: str

    @property
    def coder(self) -> CodecCoder:
        return self.codec.coder

    @property
    def points(self) -> Settings:
        return self.codec.points

    def at(self, setting: dict[str, int]) -> Coder[Any]:
        return self.codec.at(setting)

    def more(self, coder: Coder[Any], item: Any) -> Numbers:
        return {}

    def samples(self, items: Items) -> tuple[tuple[Sample, ...], Arrays]:
        return (), {}


@dataclass(frozen=True)
class TokenizerJob:
    """A run's tokenizer under one model of its codes."""

    signal: MeasuredSignal
    record: Record
    tokenizer: Tokenizer
    model: CodeModel
    prior: Prior | None
    model_name: str
    model_label: str
    codecs: tuple[CodecName, ...]
    path: Path
    command: str

    @property
    def coder(self) -> TokenizerCoder:
        bits = asked_bits(self.record)
        return TokenizerCoder(
            run=self.record.id,
            label=f"{label(self.record)}{f' {bits} bits' if bits else ''} ({self.record.preset})",
            preset=self.record.preset,
            quantizer=self.record.quantizer,
            model=self.model_name,
            model_label=self.model_label,
            fingerprint=fingerprint(self.tokenizer),
            digest=self.model.digest.hex(),
        )

    @property
    def points(self) -> Settings:
        kept = depths(self.tokenizer)
        if self.prior is not None:
            kept = kept[-1:]  # it predicts from all codes of the positions before
        return {f"{count} code{'s' if count > 1 else ''}": {"codes": count} for count in kept}

    def at(self, setting: dict[str, int]) -> TokenizerCodec[Any]:
        count = setting["codes"]
        model = truncated_model(self.model, self.tokenizer, count)
        return self._codec(truncated(self.tokenizer, count), model)

    def more(self, coder: Coder[Any], item: Any) -> Numbers:
        assert isinstance(coder, TokenizerCodec)
        return model_bits(coder, self.prior, item)

    def samples(self, items: Items) -> tuple[tuple[Sample, ...], Arrays]:
        return self.signal.samples(self._codec(self.tokenizer, self.model), items, self.codecs)

    def _codec(self, tokenizer: Tokenizer, model: CodeModel) -> TokenizerCodec[Any]:
        return self.signal.tokenizer_codec(self.record, tokenizer, model)


def plan(signal: MeasuredSignal, arguments: Measure, runs: StoredRuns, items: Items, errors: Console) -> list[Job]:
    """All that was asked for; runs that cannot be measured, and what cannot be had of the others, are named.

    Raises:
        ValueError: none of the runs can be measured.
    """
    folder = arguments.output / FOLDER / items.record["name"]
    of_runs: list[TokenizerJob] = []
    problems = []
    for path, record in runs:
        if record.quantizer.name in signal.codecs:
            continue  # a run's row of a codec, which --codec measures
        try:
            signal.require(path, record)
            of_runs += _run_jobs(signal, path, arguments, folder, items, errors)
        except UsageError as error:
            problems.append(str(error))
    if problems and not of_runs:
        raise UsageError(problems[0])
    for problem in problems:
        errors.print(f"left out: {escape(problem)}")
    return [*_codec_jobs(signal, arguments, folder, items), *of_runs]


def codecs_of(signal: MeasuredSignal, asked: Sequence[CodecName]) -> tuple[CodecName, ...]:
    """Those of the signal among the codecs that were asked for.

    Raises:
        UsageError: some were, and none is of the signal.
    """
    found = tuple(name for name in dict.fromkeys(asked) if name in signal.codecs)
    if asked and not found:
        raise UsageError(
            f"{', '.join(asked)}: no codec of {signal.name}, which have {', '.join(signal.codecs)}; what is measured "
            "are the signals of the first --run, or pictures without one"
        )
    return found


def _codec_jobs(signal: MeasuredSignal, arguments: Measure, folder: Path, items: Items) -> Iterator[CodecJob]:
    for name in codecs_of(signal, arguments.codec):
        codec = signal.codec(name)
        key = digest(PROTOCOL, name, codec.coder.settings, items.record["fingerprint"])
        command = _command(arguments, *signal.beside, "--codec", name)
        yield CodecJob(codec, folder / f"{name}-{key}.json", command)


def _run_jobs(
    signal: MeasuredSignal, path: Path, arguments: Measure, folder: Path, items: Items, errors: Console
) -> Iterator[TokenizerJob]:
    run = open_run(path, None, arguments.cpu)
    tokenizer = fingerprint(run.tokenizer)
    priors = _priors(path, run.record, arguments.prior)

    def job(
        model: CodeModel, name: str, words: str, prior: Prior | None = None, flags: tuple[str, ...] = ()
    ) -> TokenizerJob:
        key = digest(PROTOCOL, run.record.id, tokenizer, model.digest.hex(), items.record["fingerprint"])
        file = folder / f"{run.record.id.rpartition('-')[0]}-{name}-{key}.json"
        command = _command(arguments, "--run", path.as_posix(), *flags)
        codecs = codecs_of(signal, arguments.codec)
        return TokenizerJob(signal, run.record, run.tokenizer, model, prior, name, words, codecs, file, command)

    yield job(FixedLength(), "fixed-length", "codes of a fixed length")
    yield from _if_it_can_be(lambda: job(open_histogram(path), "histogram", "histogram of test codes"), path, errors)
    for file, of in priors.items():

        def under(file: Path = file, of: PriorRecord = of) -> TokenizerJob:
            prior = trained_prior(file, of, run.tokenizer)
            return job(CodePrior(prior), of.prior, of.label, prior, ("--prior", of.settings))

        yield from _if_it_can_be(under, path, errors)


def _if_it_can_be(make: Callable[[], TokenizerJob], path: Path, errors: Console) -> Iterator[TokenizerJob]:
    try:
        yield make()
    except ValueError as error:
        errors.print(f"left out: {escape(f'{path}: {error}')}")


def _priors(path: Path, record: Record, wanted: str | None) -> dict[Path, PriorRecord]:
    """Those stored beside a run, or the wanted ones of them. UsageError where none of these is there."""
    stored = {of.path: of.prior for of in read_generations([path.parent], []) if of.prior.run == record.id}
    found = {file: of for file, of in stored.items() if wanted in (None, of.prior, of.settings)}
    if wanted is not None and not found:
        there = "; ".join(of.label for of in stored.values()) or "none: train one by python -m benchmarks.generate"
        raise UsageError(f"no prior {wanted!r} is on {path}; there are: {there}")
    return found


def _command(arguments: Measure, *which: str) -> str:
    words = ["python", "-m", "benchmarks.compress", "measure", *which, "--data", str(arguments.data)]
    if arguments.limit is not None:
        words += ["--limit", str(arguments.limit)]
    return as_command(*words)
