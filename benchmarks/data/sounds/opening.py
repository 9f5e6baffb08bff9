"""From a configuration to sounds that are checked, decoded where memory allows, described for the record."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple

from jaxtyping import Float32
from rich.console import Console
from torch import Tensor

from benchmarks.data.checking import content_digest, sampled, try_each
from benchmarks.data.config import DataError
from benchmarks.data.division import Division, Part, take_evenly, usable_of
from benchmarks.data.finding import find
from benchmarks.data.machine import MEMORY_SHARE, Parallel, in_threads, memory_budget, own_console
from benchmarks.data.naming import parse_source, short_name
from benchmarks.data.opening import SAMPLED, SAMPLED_EACH
from benchmarks.data.recordings import report_recordings
from benchmarks.data.sounds.config import SoundConfig
from benchmarks.data.sounds.datasets import TestSounds, TrainingSounds, require_length, test_signal, training_signal
from benchmarks.data.sounds.files import SOUNDS, SoundFiles
from benchmarks.data.sounds.reading import RESAMPLING, remarks, resampled_length
from benchmarks.data.sounds.sources import SomeSounds, Sounds
from benchmarks.data.sounds.synthetic import open_synthetic
from storage.paths import printable

EXTRA = ("soundfile", "soxr", "av", "pystoi", "pesq")
"""Packages that read, resample, code and measure sounds: the extra `audio`."""

BYTES_PER_SAMPLE = 4


@dataclass(frozen=True, kw_only=True)
class SoundTestData:
    """What a tokenizer is tested on.

    Attributes:
        test: The sounds.
        record: What they are and how they were chosen and checked; JSON-able.
        words: How many of them were taken by which rule, for the screen.
        workers: Loading processes asked for; None: by rule.
    """

    test: TestSounds
    record: dict[str, Any]
    words: str
    workers: int | None


@dataclass(frozen=True, kw_only=True)
class SoundData(SoundTestData):
    """What a run trains and tests on."""

    train: TrainingSounds


class _Look(NamedTuple):
    """What a first look at a sound tells: samples of a channel at the rate asked for, a digest of its name and bytes,
    what is to be known of it, and the sound itself where memory is to hold it."""

    samples: int
    content: str
    remarks: list[str]
    signal: Float32[Tensor, "c n"] | None


def require_packages() -> None:
    """Raise DataError where a package is not installed that reads or measures sounds."""
    if missing := [name for name in EXTRA if find_spec(name) is None]:
        raise DataError(f"sounds need {', '.join(missing)}: pip install 'quantizer-zoo-benchmark[audio]'")


def stored_content(sounds: Sounds, index: int, config: SoundConfig) -> str:
    """Digest of a test sound's name and bytes, and of what is measured of it."""
    settings = f"{config.sample_rate} {config.channels} {config.test_seconds}"
    with sounds.stored(index) as file:
        return content_digest(sounds.name(index), settings, file.read())


def open_source(config: SoundConfig) -> Division[Sounds]:
    """The sounds that `config.source` names, not yet decoded. Raises DataError where it names none, or where a package
    is not installed that reads or measures them."""
    require_packages()
    scheme, name, splits = parse_source(config.source)
    if (scheme, name) == ("path", "synthetic"):
        return open_synthetic(splits)
    return find(SOUNDS, config.source, config.root).of(SoundFiles)


def open_sounds(config: SoundConfig, console: Console | None = None) -> SoundData:
    """Find, check and decode the sounds.

    Broken sounds, and those to train on that are shorter than a crop, are left out, named on the console (default:
    standard error of one process per machine) and in the record. Silent and clipped ones, those that go beyond ±1, and
    those of a lower rate than asked for are used and named. Every test sound is decoded once here; those to train on
    too if they fit into a quarter of the available memory, else their heads are read and they are decoded whenever
    they are needed.

    The record names the sounds by two digests, as of pictures: `fingerprint` is of the names, of the test files' bytes
    and settings, and of the training sounds' lengths; `content` is of the training files' bytes, or of a part of them.

    Raises DataError, with one sentence, for a source that is missing, empty, or wholly unreadable.
    """
    console = console or own_console()
    source = open_source(config)
    to_train = take_evenly(source.open_train(), config.limit_train, SomeSounds)
    budget = memory_budget()
    to_test = take_evenly(source.test, config.limit_test, SomeSounds)
    test, test_record = _open_test(config, to_test, budget, console)
    train, train_record = _open_train(config, to_train, budget - test_record["bytes_in_memory"], console)
    record = {
        **_described(config, source.split),
        "fingerprint": content_digest(train_record["fingerprint"], test_record["fingerprint"]),
        "train": train_record,
        "test": test_record,
    }
    report_recordings(console, "sound", train_record, test_record)
    counts = f"{train_record['sounds']:,} sounds to train on, {len(test):,} to test on"
    words = f"{record['name']}: {counts} ({source.choice})"
    return SoundData(train=train, test=test, record=record, words=words, workers=config.workers)


def open_test_sounds(
    config: SoundConfig, part: Part | None = None, console: Console | None = None, *, parallel: Parallel = in_threads
) -> SoundTestData:
    """Find, check and decode sounds to test on only.

    Args:
        config: Where they are; `limit_test` holds for whatever part.
        part: Which of them; unless given all, but of a source that comes with a part for tests that.
        console: As for `open_sounds`.
        parallel: What decodes them; unless it is this process, none is kept in memory.

    Raises:
        DataError: as `open_sounds`.
    """
    console = console or own_console()
    source = open_source(config)
    part = part or source.measured
    sounds = source.part(part)
    to_test = take_evenly(sounds, config.limit_test, SomeSounds)
    budget = memory_budget() if parallel is in_threads else 0  # what others decode stays with them
    test, test_record = _open_test(config, to_test, budget, console, parallel)
    record = {
        **_described(config, "all sounds" if part == "all" else source.split),
        **({} if part == source.measured else {"part": part}),
        "fingerprint": test_record["fingerprint"],
        "test": test_record,
    }
    report_recordings(console, "sound", test_record)
    count = f"{len(test):,}" if len(test) == len(sounds) else f"{len(test):,} of {len(sounds):,}"
    which = "all" if part == "all" else f"those that {part} ({source.choice})"
    return SoundTestData(
        test=test, record=record, words=f"{record['name']}: {count} sounds, {which}", workers=config.workers
    )


def _described(config: SoundConfig, split: str) -> dict[str, Any]:
    return {
        "name": short_name(config.source),
        "source": printable(config.source),
        "split": split,
        "sample_rate": config.sample_rate,
        "channels": config.channels,
        "resampling": RESAMPLING,
        "memory_share": MEMORY_SHARE,
    }


def _open_test(
    config: SoundConfig, sounds: Sounds, budget: int, console: Console, parallel: Parallel = in_threads
) -> tuple[TestSounds, dict[str, Any]]:
    in_memory = _fits(config, sounds, budget)

    def read(index: int) -> _Look:
        recording = sounds.read(index)
        signal = test_signal(recording, config)
        content, said = stored_content(sounds, index, config), remarks(recording, config.sample_rate)
        return _Look(signal.shape[1], content, said, signal if in_memory else None)

    usable = try_each(sounds, read, "reading test sounds", console, "sound", parallel)
    looks = list(usable.results.values())
    test = TestSounds(usable_of(sounds, usable, SomeSounds), config, _signals(looks) if in_memory else None)
    return test, {
        **_summary(config, test.sounds, looks, usable.skipped, in_memory),
        "crop": "whole" if config.test_seconds is None else f"at most the first {config.test_seconds:g} s",
        "fingerprint": content_digest(*(look.content for look in looks)),
    }


def _open_train(
    config: SoundConfig, sounds: Sounds, budget: int, console: Console
) -> tuple[TrainingSounds, dict[str, Any]]:
    in_memory = _fits(config, sounds, budget)
    most = max(SAMPLED_EACH, SAMPLED // max(1, len(sounds)))

    def look(index: int) -> _Look:
        with sounds.stored(index) as file:
            content = content_digest(sounds.name(index), *sampled(file, most))
        if in_memory:
            recording = sounds.read(index)
            signal = training_signal(recording, config)
            return _Look(signal.shape[1], content, remarks(recording, config.sample_rate), signal)
        samples = resampled_length(sounds.head(index), config.sample_rate)
        require_length(samples, config)
        return _Look(samples, content, [], None)

    usable = try_each(sounds, look, "reading training sounds", console, "sound")
    looks = list(usable.results.values())
    train = TrainingSounds(usable_of(sounds, usable, SomeSounds), config, _signals(looks) if in_memory else None)
    lengths = (f"{train.sounds.name(number)} {look.samples}" for number, look in enumerate(looks))
    return train, {
        **_summary(config, train.sounds, looks, usable.skipped, in_memory),
        "crop": f"{config.crop_samples} samples, random place",
        "fingerprint": content_digest(f"{config.sample_rate} {config.channels}", *lengths),
        "content": content_digest(*(look.content for look in looks)),
    }


def _fits(config: SoundConfig, sounds: Sounds, budget: int) -> bool:
    """Whether so many bytes hold all of the sounds that have a readable head."""
    needed = 0
    for index in range(len(sounds)):
        try:
            samples = resampled_length(sounds.head(index), config.sample_rate)
        except Exception:  # of a broken file, which is named when it is read
            continue
        if config.test_seconds is not None:
            samples = min(samples, round(config.test_seconds * config.sample_rate))
        needed += BYTES_PER_SAMPLE * config.channels * samples
        if needed > budget:
            return False
    return True


def _signals(looks: list[_Look]) -> dict[int, Float32[Tensor, "c n"]]:
    return {number: look.signal for number, look in enumerate(looks) if look.signal is not None}


def _summary(
    config: SoundConfig, sounds: Sounds, looks: list[_Look], skipped: dict[str, str], in_memory: bool
) -> dict[str, Any]:
    return {
        "sounds": len(sounds),
        "seconds": sum(look.samples for look in looks) / config.sample_rate,
        "skipped": skipped,
        "remarks": {printable(sounds.name(n)): "; ".join(look.remarks) for n, look in enumerate(looks) if look.remarks},
        "bytes_in_memory": sum(look.signal.nbytes for look in looks if look.signal is not None) if in_memory else 0,
    }
