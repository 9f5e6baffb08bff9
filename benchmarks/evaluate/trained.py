"""Tokenizers of stored runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from autoencoders import Tokenizer
from benchmarks.command_line.usage import UsageError
from benchmarks.evaluate.arguments import Arguments, chosen, require_pictures_for_size
from benchmarks.evaluate.job import Place, Started, Tested, through
from benchmarks.evaluate.opening import TestData
from benchmarks.metrics.weights import sha256
from benchmarks.records.record import Environment, Record, SignalName
from benchmarks.records.values import as_command, digest
from benchmarks.tables.comparable import asked_bits, label
from benchmarks.training.stored import configuration
from benchmarks.training.trained import find_runs, require_tokenizer, trained_tokenizer


@dataclass(frozen=True)
class TrainedJob:
    """A stored run, and the pictures, sounds or films that its tokenizer is measured on."""

    run: Path
    stored: Record
    measured_on: Tested
    path: Path
    command: str

    @property
    def name(self) -> str:
        return self.stored.id

    @property
    def data(self) -> dict[str, Any]:
        of_run = {name: self.stored.data[name] for name in ("name", "source", "fingerprint")}
        of_run["content"] = self.stored.trained_content
        here = self.measured_on.record
        if "extent" in here or here.get("image_size") != self.stored.data.get("image_size"):
            of_run["image_size"] = self.stored.data["image_size"]  # pictures of another size, which the table then says
        return {**here, "trained_on": of_run}

    @property
    def signal(self) -> SignalName:
        return self.stored.signal

    @property
    def content(self) -> str:
        return sha256(self.run.with_suffix(".safetensors"))

    @property
    def label(self) -> str:
        """Quantizer, rate, and what it was trained on."""
        rate = asked_bits(self.stored)
        rate_in_words = f" {rate} bits" if rate else ""
        return f"{label(self.stored)}{rate_in_words}, {self.stored.preset}, trained on {self.stored.data['name']}"

    def is_of(self, record: Record) -> bool:
        """Not of one whose run was made again since."""
        content = self.content
        return bool(record.data["trained_on"].get("weights", content) == content)

    def tokenizer(self) -> Tokenizer:
        return trained_tokenizer(self.run, self.stored)

    def start(self, place: Place, done: int) -> Started:
        return through(self.tokenizer(), self.measured_on, place, done)

    def record(self, tokenizer: Tokenizer | None, environment: Environment) -> Record:
        """That of the run turned into that of its evaluation. Speeds are left out: they belong to the run's table."""
        of_training = {name: note for name, note in self.stored.notes.items() if name not in self.stored.metrics}
        return self.stored.model_copy(
            update={
                "id": self.path.stem,
                "protocol": self.stored.protocol,
                "settings": digest(self.stored.settings, self.data["fingerprint"]),
                "data": {**self.data, "trained_on": {**self.data["trained_on"], "weights": self.content}},
                "notes": of_training,
                "speed": {},
                "training": self.stored.training.model_copy(update={"images_per_second": None}),
                "environment": environment,
                "command": self.command,
            }
        )


def trained_jobs(arguments: Arguments, test_data: TestData, errors: Console) -> list[TrainedJob]:
    """The evaluations of stored runs.

    Raises:
        ValueError: a mistake of the user's, in a sentence.
    """
    source = str(arguments.data)
    jobs = []
    for path, stored in find_runs(arguments.runs, errors):
        if arguments.part is None and _same_source(source, stored.data["source"]):
            raise UsageError(
                f"{path}: it was trained on {source}, and its record says how it does on the test part of it; name a "
                "part of these data by --part to measure that all the same"
            )
        require_tokenizer(path, stored)
        if not stored.of_pictures:
            require_pictures_for_size(arguments, str(path), stored.signal)
        data = test_data.like(configuration(path, stored).settings.data)
        name = f"{stored.id.rpartition('-')[0]}-{digest(stored.id, stored.protocol, data.record['fingerprint'])}"
        command = ["python", "-m", "benchmarks.evaluate", path.as_posix(), "--data", source]
        command += chosen(arguments)
        folder = arguments.output / stored.preset / data.record["name"]
        jobs.append(TrainedJob(path, stored, data, folder / f"{name}.json", as_command(*command)))
    return jobs


def _same_source(one: str, other: str) -> bool:
    folders = [Path(source).expanduser().resolve() for source in (one, other)]
    return one == other or (folders[0] == folders[1] and folders[0].is_dir())
