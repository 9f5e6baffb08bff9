"""What `python -m benchmarks.reproduce` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from autoencoders.ranges import Count
from benchmarks.training.arguments import Arguments as RunArguments


@dataclass(frozen=True)
class Arguments:
    """Make stored runs again, with the configuration and the number of threads that are stored with them, and say
    whether the numbers agree.

    Where processor, versions, threads and commit are those of the stored run, every number must be equal, picture by
    picture. Elsewhere each metric must lie within the spread of the stored seeds of the same row: without at least two
    of them there is no verdict. Speeds are not compared. The exit code is 0 when all runs agree, else 1. A run that
    several processes made is made again by as many under `torchrun` or `accelerate launch`.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """Stored runs (RUN.json)."""
    data: str | None = None
    """Where the pictures are, if they are not where the stored run had them: a folder or a name, as for
    python -m benchmarks.run."""
    results: tuple[Path, ...] = ()
    """Folders of stored runs with the other seeds; that of RUN.json unless given."""
    output: Path | None = None
    """Folder to keep the new runs in, so that a stopped command can go on; nothing is kept unless given."""
    json: Path | None = None
    """Also write the comparison to this file, a list with an entry for each run."""
    checkpoint_every: Count = RunArguments.checkpoint_every
    """Steps between checkpoints."""
    inception: Path | None = None
    """Weights of the FID Inception network, where the row has an rFID; see python -m benchmarks.weights."""
    lpips_backbone: Path | None = None
    """Weights of the LPIPS backbone, where the row has an LPIPS; see python -m benchmarks.weights."""
