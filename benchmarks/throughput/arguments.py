"""What `python -m benchmarks.throughput` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from autoencoders.ranges import Parts
from benchmarks.command_line.usage import RUNS


@dataclass(frozen=True)
class Arguments:
    """Time the methods of stored runs against each other: training steps, encoding, quantizing and decoding, all
    methods of a table in turn, several rounds. Leave the machine alone meanwhile.

    The speeds of each table are stored in the folder of its runs, as throughput-SETTINGS.json, and stand in the tables
    from then on. Nothing of a stopped command is kept.
    """

    paths: Annotated[tuple[Path, ...], tyro.conf.Positional] = (RUNS,)
    """Stored runs (JSON files), or folders of them; each row of their tables is timed once."""
    threads: Parts | None = None
    """CPU threads; PyTorch's own number unless given."""
    cpu: bool = False
    """Stay on the CPU where there is a GPU."""
