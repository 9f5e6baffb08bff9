"""Reconstructions that lie in a folder, whatever made them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from autoencoders import Tokenizer
from benchmarks.command_line.usage import UsageError
from benchmarks.data import PicturePairs, items_to_test, open_pairs, pair_batches
from benchmarks.data.folder import find_files, require_folder
from benchmarks.data.picture_files import is_picture
from benchmarks.data.sounds import SoundPairs, open_sound_pairs
from benchmarks.data.sounds.files import is_sound
from benchmarks.evaluate.arguments import Arguments
from benchmarks.evaluate.elsewhere import record_elsewhere
from benchmarks.evaluate.job import Place, Started
from benchmarks.protocols.audio.measured import PROTOCOL as OF_SOUNDS
from benchmarks.protocols.reconstruction.measured import PROTOCOL as OF_PICTURES
from benchmarks.protocols.reconstruction.pairs import Pairs
from benchmarks.protocols.signals import Coded
from benchmarks.records.record import ELSEWHERE, Environment, QuantizerRecord, Record, SignalName, items
from benchmarks.records.values import as_command, digest


def start_pictures(pairs: PicturePairs, place: Place, done: int) -> Started:
    """One size after the other."""
    batches = pair_batches(pairs, place.batch_size, place.rank, place.world_size, done)
    of_batches = (
        Pairs(places, both[:, 0].to(place.device), both[:, 1].to(place.device), []) for places, both in batches
    )
    return Started(of_batches, None, pairs.shared)


def start_sounds(pairs: SoundPairs, place: Place, done: int) -> Started:
    """One sound after the other, all of them: sounds are not measured in parts."""

    def coded() -> Iterator[Coded]:
        for index, (original, reconstruction) in items_to_test(pairs, place.rank, place.world_size):
            yield Coded(index, original, reconstruction, [], file_bytes=pairs.test.file_bytes(index))

    return Started(coded(), None)


class Kind(NamedTuple):
    """What is done with folders of one signal.

    Attributes:
        protocol: Under which it is measured.
        is_one: Whether a file is of it, by its name.
        open: All pairs of two folders; DataError where they do not go together.
        start: Begin to go through them, `done` of this process's being measured already.
    """

    protocol: str
    is_one: Callable[[str], bool]
    open: Callable[[Path, Path, Console], Any]
    start: Callable[[Any, Place, int], Started]


KINDS: dict[SignalName, Kind] = {
    "pictures": Kind(OF_PICTURES, is_picture, open_pairs, start_pictures),
    "sounds": Kind(OF_SOUNDS, is_sound, open_sound_pairs, start_sounds),
}


@dataclass(frozen=True)
class ReconstructionsJob:
    """A folder of reconstructions beside that of the originals."""

    signal: SignalName
    pairs: PicturePairs | SoundPairs
    path: Path
    command: str

    @property
    def name(self) -> str:
        return str(self.data["reconstructions"]["name"])

    @property
    def content(self) -> str:
        return str(self.data["reconstructions"]["fingerprint"])

    @property
    def data(self) -> dict[str, Any]:
        return self.pairs.record

    def is_of(self, record: Record) -> bool:
        return True  # the name of its file has the digest of the content

    def start(self, place: Place, done: int) -> Started:
        return KINDS[self.signal].start(self.pairs, place, done)

    def record(self, tokenizer: Tokenizer | None, environment: Environment) -> Record:
        made, count = self.data["reconstructions"], items(self.data["test"])
        said = []
        if made["lossy"]:
            loss = "are in a format that loses detail, which the numbers include"
            said.append(f"{made['lossy']} of {count} files {loss}")
        if made.get("of_other_rate"):
            rate = self.data["sample_rate"]
            said.append(f"{made['of_other_rate']} of {count} files were resampled to {rate} Hz")
        return record_elsewhere(
            self.path.stem,
            QuantizerRecord.without_codes(self.name, {}),
            config={},
            data=self.data,
            notes={self.name: "; ".join(said)} if said else {},
            parameters={},
            environment=environment,
            command=self.command,
            protocol=KINDS[self.signal].protocol,
        )


def signal_in(folder: Path) -> SignalName:
    """What the files of a folder are of.

    Raises:
        DataError, UsageError: no folder, or one without such files or with those of several signals.
    """
    require_folder(str(folder), " or ".join(KINDS))
    found = [signal for signal, kind in KINDS.items() if find_files(folder.expanduser(), "", kind.is_one)]
    if not found:
        raise UsageError(f"no {' and no '.join(KINDS)} in {folder}")
    if len(found) > 1:
        raise UsageError(f"{folder} holds {' and '.join(found)}, which no protocol measures together: take one out")
    return found[0]


def reconstructions_job(
    arguments: Arguments, reference: Path, reconstruction: Path, errors: Console
) -> ReconstructionsJob:
    """The evaluation of --reconstruction.

    Raises:
        ValueError: folders that do not go together, in a sentence.
    """
    signal = signal_in(reference)
    pairs = KINDS[signal].open(reference, reconstruction, errors)
    data = pairs.record
    key = digest(KINDS[signal].protocol, data["fingerprint"], data["reconstructions"]["fingerprint"])
    name = f"{data['reconstructions']['name']}-{key}"
    words = ["--reference", reference.as_posix(), "--reconstruction", reconstruction.as_posix()]
    return ReconstructionsJob(
        signal,
        pairs,
        arguments.output / ELSEWHERE / data["name"] / f"{name}.json",
        as_command("python", "-m", "benchmarks.evaluate", *words),
    )
