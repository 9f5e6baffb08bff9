"""Quantizers and published tokenizers as tables for the README: `python -m benchmarks.catalogue`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
from rich.console import Console

from autoencoders.pretrained import Films, Pictures, Pretrained, Sounds, list_pretrained
from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import exit_code, run_command
from benchmarks.tables.markers import around_markers, put_between_markers
from quantizers import list_quantizers


@dataclass(frozen=True)
class Arguments:
    """Write four Markdown tables: the registered quantizers (name, what it is, and where its defaults come from), and
    the published tokenizers that can be loaded by name, of pictures, of sounds and of films."""

    readme: Path | None = None
    """Put the tables into this file, between the lines <!-- quantizers --> and <!-- end of quantizers -->, and likewise
    pretrained-pictures, pretrained-sounds and pretrained-films."""


def quantizers() -> str:
    """The registry of quantizers as Markdown, a line each."""
    rows = [(f"`{entry.name}`", entry.description, entry.paper) for entry in list_quantizers()]
    frame = pd.DataFrame(rows, columns=["quantizer", "what it is", "where its options come from"])
    return frame.to_markdown(index=False, disable_numparse=True)


def pretrained_pictures() -> str:
    """The published tokenizers of pictures as Markdown, a line each."""
    rows = [
        {"name": f"`{model.name}`", "image size": str(pictures.image_size), "stride": str(pictures.stride)}
        | _about(model)
        for model in list_pretrained()
        if isinstance(pictures := model.signals, Pictures)
    ]
    return _table(rows)


def pretrained_sounds() -> str:
    """Those of sounds."""
    rows = [
        {
            "name": f"`{model.name}`",
            "kHz": f"{sounds.sample_rate / 1000:g}",
            "channels": str(sounds.channels),
            "codes a second": f"{sounds.codes_per_second:.5g}",
        }
        | _about(model)
        for model in list_pretrained()
        if isinstance(sounds := model.signals, Sounds)
    ]
    return _table(rows)


def pretrained_films() -> str:
    """Those of films."""
    rows = [
        {
            "name": f"`{model.name}`",
            "clips": f"{films} at {films.frames_per_second:g} a second",
            "strides": " × ".join(map(str, films.strides)),
        }
        | _about(model)
        for model in list_pretrained()
        if isinstance(films := model.signals, Films)
    ]
    return _table(rows)


def _about(model: Pretrained) -> dict[str, str]:
    """The columns that all have."""
    return {
        "codes": model.codes,
        "paper": model.paper,
        "licence": model.licence,
        "verified": model.verified or "not verified",
        "file": model.source,
    }


def _table(rows: list[dict[str, str]]) -> str:
    return pd.DataFrame(rows).to_markdown(index=False, disable_numparse=True)


TABLES = {
    "quantizers": quantizers,
    "pretrained-pictures": pretrained_pictures,
    "pretrained-sounds": pretrained_sounds,
    "pretrained-films": pretrained_films,
}
"""By the names of their places in the README."""


def write(arguments: Arguments, console: Console, errors: Console) -> int:
    """Print the tables or write them; 0. ValueError where the file has no place for one."""
    if arguments.readme is None:
        print("\n\n".join(table() for table in TABLES.values()))
        return 0
    for name in TABLES:  # all places are there before one is written to
        around_markers(arguments.readme, name)
    for name, table in TABLES.items():
        put_between_markers(arguments.readme, name, table())
    return 0


def main(arguments: Arguments) -> int:
    """The command: as `write`, 2 for a user's mistake."""
    return exit_code(partial(write, arguments))


if __name__ == "__main__":
    run_command(lambda argv: main(parse_flags(Arguments, "benchmarks.catalogue", argv)))
