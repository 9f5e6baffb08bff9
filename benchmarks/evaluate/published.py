"""Tokenizers that others trained, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from torch import nn

from autoencoders import Tokenizer
from autoencoders.pretrained.model import Pretrained
from autoencoders.pretrained.registry import load_pretrained
from benchmarks.evaluate.arguments import Arguments, chosen, require_pictures_for_size
from benchmarks.evaluate.elsewhere import record_elsewhere
from benchmarks.evaluate.job import Place, Started, Tested, through
from benchmarks.evaluate.opening import TestData
from benchmarks.metrics.weights import sha256
from benchmarks.protocols.audio.measured import PROTOCOL as OF_SOUNDS
from benchmarks.protocols.reconstruction.measured import PROTOCOL as OF_PICTURES
from benchmarks.protocols.video.measured import PROTOCOL as OF_FILMS
from benchmarks.records.record import ELSEWHERE, Environment, QuantizerRecord, Record, SignalName
from benchmarks.records.values import as_command, digest
from benchmarks.training.trained import DOUBT, data_for, find_published
from storage.paths import printable

PROTOCOLS: Mapping[SignalName, str] = {"pictures": OF_PICTURES, "sounds": OF_SOUNDS, "films": OF_FILMS}
"""By what a tokenizer codes."""


@dataclass(frozen=True)
class PublishedJob:
    """A published tokenizer, and the pictures, sounds or films that it is measured on."""

    model: Pretrained
    weights: Path
    content: str
    """Digest of the weights."""
    measured_on: Tested
    path: Path
    command: str

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def data(self) -> dict[str, Any]:
        return self.measured_on.record

    @property
    def signal(self) -> SignalName:
        return self.model.signals.kind

    @property
    def label(self) -> str:
        """The model's name."""
        return self.model.name

    def tokenizer(self) -> Tokenizer:
        return load_pretrained(self.model.name, self.weights)

    def is_of(self, record: Record) -> bool:
        return True  # the name of its file has the digest of the content

    def start(self, place: Place, done: int) -> Started:
        return through(self.tokenizer(), self.measured_on, place, done)

    def record(self, tokenizer: Tokenizer | None, environment: Environment) -> Record:
        if tokenizer is None:
            raise ValueError("a published tokenizer's record needs the tokenizer")
        quantizer = tokenizer.quantizers[0]
        known = {of.name: getattr(self.model, of.name) for of in fields(self.model)}
        del known["load"]
        known |= asdict(known.pop("signals"))
        return record_elsewhere(
            self.path.stem,
            QuantizerRecord.of(self.model.name, {}, quantizer),
            config={"model": {**known, "file": printable(self.weights.name), "sha256": self.content}},
            data=self.data,
            notes={} if self.model.verified else {self.model.name: DOUBT},
            parameters={name: _parameters(part) for name, part in tokenizer.named_children()}
            | {"total": _parameters(tokenizer)},
            environment=environment,
            command=self.command,
            protocol=PROTOCOLS[self.signal],
        )


def _parameters(part: nn.Module) -> int:
    return sum(parameter.numel() for parameter in part.parameters())


def published_job(arguments: Arguments, test_data: TestData, errors: Console) -> PublishedJob:
    """The evaluation of --model.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    model, weights = find_published(str(arguments.model), arguments.checkpoint)
    if not model.verified:
        errors.print(f"{escape(model.name)} is {escape(DOUBT)}")
    signals = model.signals
    if signals.kind != "pictures":
        require_pictures_for_size(arguments, model.name, f"{signals.kind} ({signals})")
    data = test_data.like(data_for(signals))
    content = sha256(weights)
    name = f"{model.name}-{digest(model.name, content, PROTOCOLS[signals.kind], data.record['fingerprint'])}"
    words = ["--model", model.name, "--checkpoint", weights.as_posix(), "--data", str(arguments.data)]
    words += chosen(arguments)
    return PublishedJob(
        model,
        weights,
        content,
        data,
        arguments.output / ELSEWHERE / data.record["name"] / f"{name}.json",
        as_command("python", "-m", "benchmarks.evaluate", *words),
    )
