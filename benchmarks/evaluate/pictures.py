"""Reconstructions that lie in a folder, whatever made them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from autoencoders import Tokenizer
from benchmarks.data import PicturePairs, open_pairs, pair_batches
from benchmarks.evaluate.arguments import Arguments
from benchmarks.evaluate.elsewhere import record_elsewhere
from benchmarks.evaluate.job import Place, Started
from benchmarks.protocols.reconstruction.measured import PROTOCOL
from benchmarks.protocols.reconstruction.pairs import Pairs
from benchmarks.records.record import ELSEWHERE, Environment, QuantizerRecord, Record, SignalName
from benchmarks.records.values import as_command, digest


@dataclass(frozen=True)
class PicturesJob:
    """A folder of reconstructions beside that of the originals."""

    pictures: PicturePairs
    path: Path
    command: str

    @property
    def name(self) -> str:
        return str(self.data["reconstructions"]["name"])

    @property
    def signal(self) -> SignalName:
        return "pictures"

    @property
    def content(self) -> str:
        return str(self.data["reconstructions"]["fingerprint"])

    @property
    def data(self) -> dict[str, Any]:
        return self.pictures.record

    def is_of(self, record: Record) -> bool:
        return True  # the name of its file has the digest of the content

    def start(self, place: Place, done: int) -> Started:
        batches = pair_batches(self.pictures, place.batch_size, place.rank, place.world_size, done)
        pairs = (
            Pairs(places, both[:, 0].to(place.device), both[:, 1].to(place.device), []) for places, both in batches
        )
        return Started(pairs, None, self.pictures.shared)

    def record(self, tokenizer: Tokenizer | None, environment: Environment) -> Record:
        lossy = self.data["reconstructions"]["lossy"]
        loss = f"{lossy} of {len(self.pictures)} files are in a format that loses detail, which the numbers include"
        return record_elsewhere(
            self.path.stem,
            QuantizerRecord.without_codes(self.name, {}),
            config={},
            data=self.data,
            notes={self.name: loss} if lossy else {},
            parameters={},
            environment=environment,
            command=self.command,
        )


def pictures_job(arguments: Arguments, reference: Path, reconstruction: Path, errors: Console) -> PicturesJob:
    """The evaluation of --reconstruction.

    Raises:
        DataError: folders that do not go together, in a sentence.
    """
    pictures = open_pairs(reference, reconstruction, errors)
    data = pictures.record
    key = digest(PROTOCOL, data["fingerprint"], data["reconstructions"]["fingerprint"])
    name = f"{data['reconstructions']['name']}-{key}"
    words = ["--reference", reference.as_posix(), "--reconstruction", reconstruction.as_posix()]
    return PicturesJob(
        pictures,
        arguments.output / ELSEWHERE / data["name"] / f"{name}.json",
        as_command("python", "-m", "benchmarks.evaluate", *words),
    )
