"""What `python -m benchmarks.speed` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import MinLen

from autoencoders.ranges import Parts
from benchmarks.command_line.usage import RUNS


@dataclass(frozen=True)
class Arguments:
    """Time the quantizers beside vector-quantize-pytorch, faiss and the naive forms, store that under the speed
    protocol, and show it.

    Every group of competitors is measured in three processes of its own, and stored as soon as each has ended: after a
    stop or a kill the same command goes on from there, and what has been measured with the same code on the same
    machine is not measured again. Leave the machine alone meanwhile, some 25 minutes on two cores. Ratios within a
    group mean something on any machine, milliseconds only on this one.
    """

    threads: Annotated[tuple[Parts, ...], MinLen(1)] | None = None
    """Numbers of CPU threads, a run for each; PyTorch's own number unless given."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the quantizers run; faiss-cpu is left out on cuda."""
    output: Path = RUNS / "speed"
    """Folder of the stored runs."""
    quick: bool = False
    """A few minutes for a first look: one process each, few rounds, no long works, and stored apart."""
    sweep: bool = False
    """Also measure search and VQ-EMA training step over two decades of each size, and draw them against what the
    machine can do at most."""
    force: bool = False
    """Measure again what is stored already."""
    report: bool = False
    """Measure nothing: show and draw all runs in --output."""
    readme: Path | None = None
    """Put the tables as Markdown into this file, between the lines <!-- speed --> and <!-- end of speed -->, and what
    the time goes to where a goal is missed between those of speed-missed; one of the two is enough."""
