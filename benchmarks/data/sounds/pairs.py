"""Two folders of sounds, originals and reconstructions, matched by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float32
from rich.console import Console
from torch import Tensor

from benchmarks.data.checking import content_digest, name_each, reason
from benchmarks.data.folder import FolderFiles
from benchmarks.data.machine import in_threads
from benchmarks.data.matching import count_suffixes, match_files, refuse
from benchmarks.data.naming import short_name
from benchmarks.data.sounds.config import SoundConfig
from benchmarks.data.sounds.files import SoundFiles, is_sound
from benchmarks.data.sounds.opening import require_packages, stored_content
from benchmarks.data.sounds.reading import RESAMPLING, Recording, read_sound, remarks, to_signal
from storage.paths import StrPath, printable

LOSSY = frozenset({".mp3", ".ogg", ".oga", ".opus"})


@dataclass(frozen=True)
class PairedSounds:
    """Sounds with their reconstructions, at the rate and with the channels of the originals.

    Attributes:
        originals: In order of their paths.
        reconstructions: The one of each.
        config: Rate and channels of all originals.
    """

    originals: FolderFiles
    reconstructions: FolderFiles
    config: SoundConfig

    def __len__(self) -> int:
        return len(self.originals)

    def __getitem__(self, index: int) -> tuple[Float32[Tensor, "c n"], Float32[Tensor, "c n"]]:
        """Original and reconstruction, in [-1, 1]."""
        original, made = (
            torch.from_numpy(to_signal(read_sound(files.file(index)), self.config.sample_rate, self.config.channels))
            for files in (self.originals, self.reconstructions)
        )
        return original, F.pad(made, (0, original.shape[1] - made.shape[1]))  # which cuts what is too much

    @property
    def lossy(self) -> int:
        """How many reconstructions are files of a codec."""
        return count_suffixes(self.reconstructions.files, LOSSY)

    def file_bytes(self, index: int) -> int | None:
        """Of a reconstruction's file; None unless all are files of a codec, since a mean over some would mislead."""
        if self.lossy < len(self):
            return None
        return self.reconstructions.file(index).stat().st_size


@dataclass(frozen=True)
class SoundPairs:
    """What two folders hold.

    Attributes:
        test: The sounds of both.
        record: What they are; JSON-able.
    """

    test: PairedSounds
    record: dict[str, Any]


class _Side(NamedTuple):
    """What reading a file of a pair has shown."""

    samples: int
    sample_rate: int
    channels: int
    content: str
    remarks: list[str]


class _Look(NamedTuple):
    """What reading a pair has shown, original and reconstruction, or what is wrong with them."""

    sides: list[_Side]
    problem: str = ""


def open_sound_pairs(reference: StrPath, reconstruction: StrPath, console: Console) -> SoundPairs:
    """All sounds of two folders, matched by their relative path without its suffix; each is read once.

    The originals say at which rate and with how many channels is measured. A reconstruction at another rate is
    resampled, one with other channels mixed as `reading` has it. It must be as long as its original: at the same rate
    to the sample, at another one to less than a sample of its own.

    Raises:
        DataError: a folder that is missing or empty; sounds without counterpart, unreadable, or not as long as it;
            originals of several rates or numbers of channels; a package of the extra `audio` is not installed.
    """
    require_packages()
    reference, reconstruction = Path(reference), Path(reconstruction)
    names, *files = match_files(reference, reconstruction, is_sound, "sound")
    originals, reconstructions = (
        FolderFiles(folder.expanduser(), found)
        for folder, found in zip((reference, reconstruction), files, strict=True)
    )
    looks = list(in_threads(partial(_look, originals, reconstructions), len(names), "reading pairs", console))
    refuse({"unreadable": [look.problem for look in looks if look.problem]}, "mend these sounds, or make them again")
    before, after = zip(*(look.sides for look in looks), strict=True)
    config = _measured_at(names, before)
    pairs = PairedSounds(originals, reconstructions, config)
    _require_equal_lengths(names, before, after)
    fingerprint = content_digest(*(side.content for side in before))
    of_other_rate = sum(side.sample_rate != config.sample_rate for side in after)
    record: dict[str, Any] = {
        "name": short_name(str(reference)),
        "source": printable(reference),
        "split": "all sounds",
        "sample_rate": config.sample_rate,
        "channels": config.channels,
        "fingerprint": fingerprint,
        "test": {
            "sounds": len(names),
            "seconds": sum(side.samples for side in before) / config.sample_rate,
            "remarks": _remarks(originals, before),
            "crop": "whole",
            "fingerprint": fingerprint,
        },
        "reconstructions": {
            "name": short_name(str(reconstruction)),
            "source": printable(reconstruction),
            "fingerprint": content_digest(*(side.content for side in after)),
            "remarks": _remarks(reconstructions, after),
            "lossy": pairs.lossy,
            "of_other_rate": of_other_rate,
            **({"resampling": RESAMPLING} if of_other_rate else {}),
        },
    }
    for part, noun in (("test", "originals"), ("reconstructions", "reconstructions")):
        found = record[part]["remarks"]
        name_each(console, f"{len(found)} {noun} used, with a remark", found)
    return SoundPairs(pairs, record)


def _look(originals: FolderFiles, reconstructions: FolderFiles, index: int) -> _Look:
    sides: list[_Side] = []
    for files in (originals, reconstructions):
        try:
            recording = read_sound(files.file(index))
            own = SoundConfig(sample_rate=recording.sample_rate, channels=len(recording.samples))
            to_rate = sides[0].sample_rate if sides else own.sample_rate
            sides.append(_side(recording, stored_content(SoundFiles(files), index, own), to_rate))
        except Exception as error:  # decoders raise whatever they meet
            return _Look([], f"{files.file(index)}: {reason(error)}")
    return _Look(sides)


def _side(recording: Recording, content: str, to_rate: int) -> _Side:
    channels, samples = recording.samples.shape
    return _Side(samples, recording.sample_rate, channels, content, remarks(recording, to_rate))


def _measured_at(names: Sequence[str], originals: Sequence[_Side]) -> SoundConfig:
    """Rate and channels of the originals; DataError where they have several."""
    kinds: dict[tuple[int, int], list[str]] = defaultdict(list)
    for name, side in zip(names, originals, strict=True):
        kinds[side.sample_rate, side.channels].append(name)
    if len(kinds) > 1:
        refuse(
            {
                f"originals at {rate} Hz in {('mono', 'stereo')[channels - 1]}": of
                for (rate, channels), of in kinds.items()
            },
            "all must be of one rate and one number of channels: resample them, or give folders of one kind each",
        )
    ((sample_rate, channels),) = kinds
    return SoundConfig(sample_rate=sample_rate, channels=channels)


def _require_equal_lengths(names: Sequence[str], originals: Sequence[_Side], made: Sequence[_Side]) -> None:
    """Raise DataError where a reconstruction is not as long as its original, to less than a sample of its own rate."""
    unequal = [
        f"{name} ({before.samples} samples at {before.sample_rate} Hz and {after.samples} at {after.sample_rate} Hz)"
        for name, before, after in zip(names, originals, made, strict=True)
        # |after / its rate - before / its rate| >= 1 / rate of after, in whole numbers
        if abs(after.samples * before.sample_rate - before.samples * after.sample_rate)
        >= (before.sample_rate if after.sample_rate != before.sample_rate else 1)
    ]
    refuse(
        {"reconstructions longer or shorter than their originals": unequal},
        "nothing is shifted or cut here; cut what the codec added, or let it keep the length",
    )


def _remarks(files: FolderFiles, sides: Sequence[_Side]) -> dict[str, str]:
    return {printable(files.name(n)): "; ".join(side.remarks) for n, side in enumerate(sides) if side.remarks}
