"""Quantizers and published tokenizers as tables for the README: `python -m benchmarks.catalogue`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
from rich.console import Console

from autoencoders.pretrained import list_pretrained
from benchmarks.command_line.flags import parse_flags
from benchmarks.command_line.process import exit_code, run_command
from benchmarks.tables.markers import around_markers, put_between_markers
from quantizers import list_quantizers


@dataclass(frozen=True)
class Arguments:
    """Write two Markdown tables: the registered quantizers (name, what it is, and where its defaults come from), and
    the published tokenizers that can be loaded by name."""

    readme: Path | None = None
    """Put the tables into this file, between the lines <!-- quantizers --> and <!-- end of quantizers -->, and
    <!-- pretrained --> and <!-- end of pretrained -->."""


def quantizers() -> str:
    """The registry of quantizers as Markdown, a line each."""
    rows = [(f"`{entry.name}`", entry.description, entry.paper) for entry in list_quantizers()]
    frame = pd.DataFrame(rows, columns=["quantizer", "what it is", "where its options come from"])
    return frame.to_markdown(index=False, disable_numparse=True)


def pretrained() -> str:
    """The published tokenizers as Markdown, a line each."""
    rows = [
        (
            f"`{model.name}`",
            str(model.image_size),
            str(model.stride),
            model.codes,
            model.paper,
            model.licence,
            model.verified or "not verified",
            model.source,
        )
        for model in list_pretrained()
    ]
    columns = ["name", "image size", "stride", "codes", "paper", "licence", "verified", "file"]
    return pd.DataFrame(rows, columns=columns).to_markdown(index=False, disable_numparse=True)


TABLES = {"quantizers": quantizers, "pretrained": pretrained}
"""By the names of their places in the README."""


def write(arguments: Arguments, console: Console, errors: Console) -> int:
    """Print the tables or write them; 0. ValueError where the file has no place for one."""
    if arguments.readme is None:
        print("\n\n".join(table() for table in TABLES.values()))
        return 0
    for name in TABLES:  # both places are there before either is written to
        around_markers(arguments.readme, name)
    for name, table in TABLES.items():
        put_between_markers(arguments.readme, name, table())
    return 0


def main(arguments: Arguments) -> int:
    """The command: as `write`, 2 for a user's mistake."""
    return exit_code(partial(write, arguments))


if __name__ == "__main__":
    run_command(lambda argv: main(parse_flags(Arguments, "benchmarks.catalogue", argv)))
