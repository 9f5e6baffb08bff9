"""Trying each of many files: what cannot be used is left out and named, and what can is known by its bytes."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import SEEK_END
from typing import Any, BinaryIO, Generic, Protocol, TypeVar

from PIL import UnidentifiedImageError
from rich.console import Console
from rich.markup import escape

from benchmarks.data.config import DataError
from benchmarks.data.machine import Parallel, in_threads
from storage.paths import printable

NAMES_ON_SCREEN = 10

logger = logging.getLogger(__name__)

Result = TypeVar("Result")


class Named(Protocol):
    """Things by number, each with a name."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str: ...


@dataclass(frozen=True)
class Usable(Generic[Result]):
    """What came of trying each: the results by number where it worked, by name why it did not."""

    results: dict[int, Result]
    skipped: dict[str, str]


def reason(error: Exception) -> str:
    """Why a file cannot be used, in a line, without the machine's paths."""
    if isinstance(error, UnidentifiedImageError):
        return "no picture in a known format"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split())[:200] or type(error).__name__


def content_digest(*parts: str | bytes) -> str:
    """SHA-256 of the parts, each with its length; of names that are not UTF-8, of their bytes."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()


def sampled(file: BinaryIO, most: int) -> tuple[str, bytes]:
    """How many bytes a file has, and these; of more than `most` the first and the last half of that."""
    size = file.seek(0, SEEK_END)
    if size <= most:
        file.seek(0)
        return str(size), file.read()
    ends = []
    for start in (0, size - most // 2):
        file.seek(start)
        ends.append(file.read(most // 2))
    return str(size), b"".join(ends)


def try_each(
    items: Named,
    work: Callable[[int], Result],
    label: str,
    console: Console,
    noun: str = "picture",
    parallel: Parallel = in_threads,
) -> Usable[Result]:
    """Do the work on each item, leave out those on which it fails. Raises DataError if none is left.

    Args:
        label: What the work is, beside its progress.
        noun: What an item is called.
        parallel: What does the work.
    """
    if not items:
        raise DataError(f"the data source has a split without {noun}s")

    def attempt(index: int) -> tuple[Result | None, str | None]:
        try:
            return work(index), None
        except Exception as error:  # decoders raise whatever they meet
            return None, reason(error)

    results: dict[int, Any] = {}
    skipped: dict[str, str] = {}
    for index, (result, problem) in enumerate(parallel(attempt, len(items), label, console)):
        if problem is None:
            results[index] = result
        else:
            skipped[printable(items.name(index))] = problem
    if not results:
        name, problem = next(iter(skipped.items()))
        raise DataError(f"none of {len(items)} {noun}s can be used: {name}: {problem}")
    return Usable(results, skipped)


def next_usable(
    items: Named, index: int, decoded: Mapping[int, Result] | None, decode: Callable[[int], Result], noun: str
) -> Result:
    """A training item, or the next one where it is broken.

    So all other samples stay what they are, whether memory holds the items or not, and a file that breaks does not end
    a run of days.

    Args:
        decoded: Those that can be decoded, by number, where memory holds them.
        decode: The item of a number, where it does not.
        noun: What an item is called.

    Raises:
        DataError: none can be read any more.
    """
    for candidate in ((index + offset) % len(items) for offset in range(len(items))):
        if decoded is not None:
            if candidate in decoded:
                return decoded[candidate]
            continue
        try:
            return decode(candidate)
        except Exception as error:  # decoders raise whatever they meet
            name = items.name(candidate)
            logger.warning("%s cannot be used (%s): the next %s is taken", name, reason(error), noun)
    raise DataError(f"none of the training {noun}s can be read any more")


def report(console: Console, skipped: dict[str, str], noun: str = "picture") -> None:
    """Name the files that were left out."""
    name_each(console, f"left out {len(skipped)} unusable {noun}{'s' if len(skipped) > 1 else ''}", skipped)


def name_each(console: Console, what: str, found: dict[str, str]) -> None:
    """Name files, some on the screen, and what was found of each; nothing where there are none."""
    if not found:
        return
    console.print(f"[yellow]{what}:[/]")
    for name, problem in list(found.items())[:NAMES_ON_SCREEN]:
        console.print(f"  {escape(name)}: {escape(problem)}", highlight=False)
    if len(found) > NAMES_ON_SCREEN:
        console.print(f"  and {len(found) - NAMES_ON_SCREEN} more, all named in the record")
