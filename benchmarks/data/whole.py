"""Pictures at the size that they have, read one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PIL import Image
from rich.console import Console

from benchmarks.data.checking import content_digest, report, try_each
from benchmarks.data.config import DataConfig
from benchmarks.data.division import take_evenly, usable_of
from benchmarks.data.machine import own_console
from benchmarks.data.naming import short_name
from benchmarks.data.pictures import Pictures, Subset
from benchmarks.data.sources import open_source
from benchmarks.data.transforms import require_size, to_rgb
from storage.paths import printable


@dataclass(frozen=True)
class WholePictures:
    """Pictures as a viewer shows them, in RGB, whole; none is kept in memory.

    Attributes:
        pictures: those that can be read.
        record: what they are and how they were chosen and checked; JSON-able.
    """

    pictures: Pictures
    record: dict[str, Any]

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Image.Image:
        with self.pictures.open(index) as picture:
            return to_rgb(picture)

    def __iter__(self) -> Iterator[Image.Image]:
        return (self[index] for index in range(len(self)))

    def name(self, index: int) -> str:
        """Of a picture, fit to be stored."""
        return printable(self.pictures.name(index))


def open_whole(config: DataConfig, console: Console | None = None) -> WholePictures:
    """Find and check all pictures of a source, whatever is to train and to test; broken ones, and those with a side
    under `image_size`, are left out, named on the console (default: standard error) and in the record.

    Raises:
        DataError: as `open_data`.
    """
    console = console or own_console()
    source = open_source(config)
    pictures = take_evenly(source.part("all"), config.limit_test, Subset)

    def read(index: int) -> str:
        with pictures.open(index) as picture:
            require_size(picture, config.image_size)
            rgb = to_rgb(picture)
        return content_digest(pictures.name(index), f"{rgb.size}", rgb.tobytes())

    usable = try_each(pictures, read, "reading pictures", console)
    report(console, usable.skipped)
    record = {
        "name": short_name(config.source),
        "source": printable(config.source),
        "split": source.words("all"),
        "pictures": len(usable.results),
        "skipped": usable.skipped,
        "fingerprint": content_digest(*usable.results.values()),
    }
    return WholePictures(usable_of(pictures, usable, Subset), record)
