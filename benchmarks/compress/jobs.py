"""What is to be measured: codecs at their qualities, and runs' tokenizers under each model of their codes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from PIL import Image
from rich.console import Console
from rich.markup import escape

from autoencoders import Tokenizer
from benchmarks.command_line.usage import UsageError
from benchmarks.compress.arguments import Measure
from benchmarks.compress.opening import open_histogram, open_run
from benchmarks.data.whole import WholePictures
from benchmarks.protocols.compression.codecs import CODECS, Codec
from benchmarks.protocols.compression.depths import depths, truncated, truncated_model
from benchmarks.protocols.compression.measure import Numbers, PictureCoder, model_bits
from benchmarks.protocols.compression.pictures import PictureCodec
from benchmarks.protocols.compression.samples import Arrays, samples
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
from benchmarks.records.record import Record
from benchmarks.records.values import as_command, digest
from benchmarks.tables.comparable import asked_bits, label
from benchmarks.training.trained import find_runs, trained_prior
from priors import Prior
from priors.code_models import CodeModel, CodePrior, FixedLength
from priors.fingerprint import fingerprint

Settings = dict[str, dict[str, int]]
"""Points in the order in which they are measured: name -> what sets the rate."""


class Job(Protocol):
    """A way of coding pictures at several rates, and where its measurement belongs."""

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

    def at(self, setting: dict[str, int]) -> PictureCoder:
        """The coder at one rate."""

    def more(self, coder: PictureCoder, picture: Image.Image) -> Numbers:
        """What to say of a picture beside what is said of all coders."""

    def samples(self, pictures: WholePictures) -> tuple[tuple[Sample, ...], Arrays]:
        """Crops to be shown."""


@dataclass(frozen=True)
class CodecJob:
    """A codec that people use."""

    name: CodecName
    codec: Codec
    path: Path
    command: str

    @property
    def coder(self) -> CodecCoder:
        return CodecCoder(
            name=self.name,
            heading=self.codec.heading,
            settings=dict(self.codec.settings),
            software=self.codec.software,
        )

    @property
    def points(self) -> Settings:
        return {f"quality {quality}": {"quality": quality} for quality in self.codec.qualities}

    def at(self, setting: dict[str, int]) -> PictureCoder:
        return self.codec.at(setting["quality"])

    def more(self, coder: PictureCoder, picture: Image.Image) -> Numbers:
        return {}

    def samples(self, pictures: WholePictures) -> tuple[tuple[Sample, ...], Arrays]:
        return (), {}


@dataclass(frozen=True)
class TokenizerJob:
    """A run's tokenizer under one model of its codes."""

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

    def at(self, setting: dict[str, int]) -> PictureCodec:
        count = setting["codes"]
        return PictureCodec(truncated(self.tokenizer, count), truncated_model(self.model, self.tokenizer, count))

    def more(self, coder: PictureCoder, picture: Image.Image) -> Numbers:
        assert isinstance(coder, PictureCodec)
        return model_bits(coder, self.prior, picture)

    def samples(self, pictures: WholePictures) -> tuple[tuple[Sample, ...], Arrays]:
        whole = PictureCodec(self.tokenizer, self.model)
        return samples(whole, pictures, {name: CODECS[name] for name in self.codecs})


def plan(arguments: Measure, pictures: WholePictures, errors: Console) -> list[Job]:
    """All that was asked for; runs that cannot be measured, and what cannot be had of the others, are named.

    Raises:
        ValueError: no such run, or none that can be measured.
    """
    folder = arguments.output / FOLDER / pictures.record["name"]
    of_runs: list[TokenizerJob] = []
    problems = []
    for path, _ in find_runs(arguments.run, errors) if arguments.run else ():
        try:
            of_runs += _run_jobs(path, arguments, folder, pictures, errors)
        except UsageError as error:
            problems.append(str(error))
    if problems and not of_runs:
        raise UsageError(problems[0])
    for problem in problems:
        errors.print(f"left out: {escape(problem)}")
    return [*_codec_jobs(arguments, folder, pictures), *of_runs]


def _codec_jobs(arguments: Measure, folder: Path, pictures: WholePictures) -> Iterator[CodecJob]:
    for name in dict.fromkeys(arguments.codec):
        codec = CODECS[name]
        key = digest(PROTOCOL, name, dict(codec.settings), pictures.record["fingerprint"])
        command = _command(arguments, "--codec", name)
        yield CodecJob(name, codec, folder / f"{name}-{key}.json", command)


def _run_jobs(
    path: Path, arguments: Measure, folder: Path, pictures: WholePictures, errors: Console
) -> Iterator[TokenizerJob]:
    run = open_run(path, None, arguments.cpu)
    tokenizer = fingerprint(run.tokenizer)
    priors = _priors(path, run.record, arguments.prior)

    def job(
        model: CodeModel, name: str, words: str, prior: Prior | None = None, flags: tuple[str, ...] = ()
    ) -> TokenizerJob:
        key = digest(PROTOCOL, run.record.id, tokenizer, model.digest.hex(), pictures.record["fingerprint"])
        file = folder / f"{run.record.id.rpartition('-')[0]}-{name}-{key}.json"
        command = _command(arguments, "--run", path.as_posix(), *flags)
        codecs = tuple(dict.fromkeys(arguments.codec))
        return TokenizerJob(run.record, run.tokenizer, model, prior, name, words, codecs, file, command)

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
