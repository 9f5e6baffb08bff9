"""The quantizers of the zoo as a table for the README: `python -m benchmarks.catalogue`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape

from benchmarks.flags import parse_flags
from benchmarks.readme import put_between_markers
from quantizers import list_quantizers


@dataclass(frozen=True)
class Arguments:
    """Write the registered quantizers as a Markdown table: name, what it is, and where its defaults come from."""

    readme: Path | None = None
    """Put the table into this file, between the lines <!-- quantizers --> and <!-- end of quantizers -->."""


def catalogue() -> str:
    """The registry as Markdown, a line each."""
    rows = [(f"`{entry.name}`", entry.description, entry.paper) for entry in list_quantizers()]
    frame = pd.DataFrame(rows, columns=["quantizer", "what it is", "where its options come from"])
    return frame.to_markdown(index=False, disable_numparse=True)


def main(arguments: Arguments) -> int:
    """Print the table or write it; 0, or 2 where the file has no place for it."""
    if arguments.readme is None:
        print(catalogue())
        return 0
    try:
        put_between_markers(arguments.readme, "quantizers", catalogue())
    except (OSError, ValueError) as error:
        Console(stderr=True, soft_wrap=True).print(f"error: {escape(str(error))}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(parse_flags(Arguments, "benchmarks.catalogue", sys.argv[1:])))
