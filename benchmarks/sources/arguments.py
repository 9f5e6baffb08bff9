"""What `python -m benchmarks.sources` is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, get_args

from annotated_types import Interval, MinLen

from autoencoders.ranges import Bits, Parts, Size
from benchmarks.command_line.usage import RUNS
from benchmarks.protocols.source_coding.settings import TEST_SEED, Training
from benchmarks.records.source_coding import SourceName


@dataclass(frozen=True)
class Arguments:
    """Code known random sources with quantizers alone, between an affine encoder and decoder, and compare their
    distortion with Shannon's bound under the source-coding protocol.

    Each combination of --quantizer, --bits, --source, --block-length and --seed is one run of some seconds. A run that
    is stored already is not done again, so that a command that was stopped goes on when it is given again.
    """

    quantizer: Annotated[tuple[str, ...], MinLen(1)] = ("fsq",)
    """Names from python -m benchmarks.run --list, package.module:Class for your own, or "all"."""
    bits: tuple[Bits, ...] = (2, 4, 8, 12)
    """Bits per vector; --bits without a number leaves the rate to --options."""
    source: Annotated[tuple[SourceName, ...], MinLen(1)] = get_args(SourceName)
    """What is coded."""
    block_length: Annotated[tuple[Size, ...], MinLen(1)] = (4,)
    """Samples of a vector."""
    seed: Annotated[tuple[Annotated[int, Interval(ge=0, lt=TEST_SEED)], ...], MinLen(1)] = (0,)
    """Seeds: of the training vectors, the initial weights, and any noise; the one above seeds the test vectors."""
    options: tuple[str, ...] = ()
    """Options of the quantizers as name=value, e.g. decay=0.9."""
    train: Training = field(default_factory=Training)
    workers: Parts | None = None
    """Runs at a time, each on one thread; as many as PyTorch would take threads unless given."""
    output: Path = RUNS / "source-coding"
    """Folder that runs are stored in, and the pictures of all that it holds."""
    force: bool = False
    """Do runs again that are stored already."""
    report: bool = False
    """Do no run: show and draw all that --output holds."""
    format: Literal["terminal", "markdown", "csv"] = "terminal"
    """How the table is written."""
    short: bool = False
    """Only dB above the bound, a column for each rate."""
    readme: Path | None = None
    """Put the short tables into this file, between the lines <!-- source-coding --> and
    <!-- end of source-coding -->."""
