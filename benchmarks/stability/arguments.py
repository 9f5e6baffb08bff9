"""What `python -m benchmarks.stability` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from autoencoders.ranges import Count, Size
from benchmarks.command_line.usage import RUNS, UsageError, require_published
from benchmarks.data.config import SOURCES

MEASURED_ON = f"Pictures, each run's own test pictures unless given: {SOURCES}"


@dataclass(frozen=True)
class Arguments:
    """Measure how many codes of a tokenizer change, and what that costs, when it encodes in other batches, precisions,
    graphs, after decoding, and from pictures that were touched; on the CPU, under the protocol `stability`.

    Give stored runs of `python -m benchmarks.run`, or --model NAME, a published tokenizer with its --checkpoint. Each
    measurement is stored in OUTPUT/stability, one that is stored is not made again, and the table is shown.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Stored runs (RUN.json, with RUN.safetensors beside it), or folders of them."""
    model: str | None = None
    """Name of a published tokenizer, see python -m benchmarks.evaluate --list-models."""
    checkpoint: Path | None = None
    """Its file of weights, or folder."""
    data: Annotated[str | None, tyro.conf.arg(help=MEASURED_ON)] = None
    limit: Count = 200
    """Take at most this many pictures, evenly from all."""
    batch_size: Count = 32
    """Pictures per batch of the codes that others are held against."""
    image_size: Size | None = None
    """Side in pixels that pictures are resized and cropped to for --model; the model's own unless given."""
    root: Path | None = None
    """Where torchvision and Hugging Face keep their files; their usual cache unless given."""
    output: Path = RUNS
    """Folder of results."""
    force: bool = False
    """Measure again what is stored already."""
    report: bool = False
    """Measure nothing, show what OUTPUT has."""
    readme: Path | None = None
    """Put the table into this file, between the lines <!-- stability --> and <!-- end of stability -->."""
    section: str = "stability"
    """The name in these lines."""

    def check(self) -> None:
        """Raise UsageError where these flags do not go together."""
        if sum((bool(self.runs), self.model is not None, self.report)) != 1:
            raise UsageError(
                "what is to be measured? Give stored runs, or --model NAME with --checkpoint FILE, or --report to show "
                "what is stored: one of them"
            )
        require_published(self.model, self.checkpoint, self.image_size)
