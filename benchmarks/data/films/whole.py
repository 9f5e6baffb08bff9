"""Films at the size and the rate that they have, whole, and read a frame at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

from rich.console import Console

from benchmarks.data.checking import content_digest, sampled, try_each
from benchmarks.data.division import take_evenly, usable_of
from benchmarks.data.films.config import FilmConfig
from benchmarks.data.films.opening import open_source
from benchmarks.data.films.reading import DECODING, Head, each_frame, read_head, require_side
from benchmarks.data.films.sources import Films, Frame, SomeFilms
from benchmarks.data.machine import own_console
from benchmarks.data.naming import short_name
from benchmarks.data.opening import SAMPLED, SAMPLED_EACH
from benchmarks.data.recordings import report_recordings
from storage.paths import StrPath, printable


@dataclass(frozen=True)
class Film:
    """A film that comes frame by frame.

    Attributes:
        extent: Frames, height and width, as a player shows it.
        rate: Frames per second.
        frames: All of them, from the first on each time that it is called. What cannot be read of them, or decoded, is
            raised when it is their turn.
    """

    extent: tuple[int, int, int]
    rate: Fraction
    frames: Callable[[], Iterator[Frame]]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return float(self.extent[0] / self.rate)


def film_of(head: Head, each_frame: Callable[[Fraction, int], Iterator[Frame]]) -> Film:
    """A film at its own rate, one of a variable rate at the mean of that. Raises what reading its first frame meets.

    Args:
        head: Of the film.
        each_frame: So many frames of it at a rate, from the first on.
    """
    rate = head.rate
    count = max(1, round(head.seconds * rate))  # the last one's end is rounded by a container's clock
    height, width, _ = next(each_frame(rate, 1)).shape
    return Film((count, height, width), rate, lambda: each_frame(rate, count))


def open_film(path: StrPath) -> Film:
    """The film of a file. ValueError or OSError on one that cannot be used."""
    return film_of(read_head(path), partial(each_frame, path))


@dataclass(frozen=True)
class WholeFilms:
    """Films that can be read.

    Attributes:
        films: Those that can be read.
        record: What they are and how they were chosen and checked; JSON-able.
    """

    films: Films
    record: dict[str, Any]

    def __len__(self) -> int:
        return len(self.films)

    def __getitem__(self, index: int) -> Film:
        return film_of(self.films.head(index), partial(self.films.each_frame, index))


def open_whole_films(config: FilmConfig, console: Console | None = None) -> WholeFilms:
    """Find all films of a source, whatever is to train and to test, and decode each once; broken ones, and those whose
    short side is under `frame_size`, are left out, named on the console (default: standard error) and in the record.

    Raises:
        DataError: as `open_films`.
    """
    console = console or own_console()
    source = open_source(config)
    films = take_evenly(source.part("all"), config.limit_test, SomeFilms)
    most = max(SAMPLED_EACH, SAMPLED // max(1, len(films)))

    def read(index: int) -> tuple[Film, str]:
        head = films.head(index)
        require_side(head.size, config.frame_size)
        film = film_of(head, partial(films.each_frame, index))
        for frame in film.frames():
            if frame.shape[:2] != film.extent[1:]:
                raise ValueError("turned within the film")
        with films.stored(index) as file:
            return film, content_digest(films.name(index), f"{film.extent} {film.rate}", *sampled(file, most))

    usable = try_each(films, read, "reading films", console, "film")
    found = [film for film, _ in usable.results.values()]
    record = {
        "name": short_name(config.source),
        "source": printable(config.source),
        "split": "all films",
        "decoding": DECODING,
        "films": len(found),
        "frames": sum(film.extent[0] for film in found),
        "seconds": math.fsum(film.seconds for film in found),
        "skipped": usable.skipped,
        "remarks": {},
        "fingerprint": content_digest(*(digest for _, digest in usable.results.values())),
    }
    report_recordings(console, "film", record)
    return WholeFilms(usable_of(films, usable, SomeFilms), record)
