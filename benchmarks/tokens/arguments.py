"""What `python -m benchmarks.tokens` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from autoencoders.ranges import Count, Place, Size
from benchmarks.command_line.usage import UsageError, require_published
from benchmarks.data.config import SOURCES
from benchmarks.data.division import Part


@dataclass(frozen=True)
class Arguments:
    """Compute the codes of pictures, sounds or films under a tokenizer once, and store them in a folder for priors and
    language models.

    The tokenizer is that of a stored run of `python -m benchmarks.run` (--run), or a published one (--model NAME with
    --checkpoint). Of each picture the reconstruction protocol's centre crop is taken, of each sound all of it, of each
    film the clips that it has as one that tests. priors/token_set.md describes the folder; a prior needs one of each
    --part. A command that was stopped or killed goes on after the last whole file when it is given again.
    """

    data: Annotated[str, tyro.conf.arg(help=SOURCES)]
    output: Path
    """Folder that the codes are stored in, for these data and this tokenizer alone."""
    run: Path | None = None
    """Stored run (RUN.json, with RUN.safetensors beside it)."""
    model: str | None = None
    """Name of a published tokenizer, see python -m benchmarks.evaluate --list-models."""
    checkpoint: Path | None = None
    """Its file of weights, or folder."""
    part: Part = "train"
    """Which of them: those that a run on --data trains on, those that it tests on, or all of them."""
    classes: bool = False
    """Store labels, of pictures: a picture's class is the folder that it lies in, what KEY.cls beside it in a
    WebDataset shard says, or the label in a data set by name."""
    image_size: Size | None = None
    """Side in pixels that pictures are resized and cropped to for --model; the model's own unless given."""
    id_offset: Place = 0
    """First id of codes in the vocabulary of a language model: how many ids it has without them."""
    limit: Count | None = None
    """Take at most this many pictures, sounds or films, evenly from all."""
    batch_size: Count = 32
    """Pictures or clips per batch; sounds go one by one."""
    root: Path | None = None
    """Where torchvision and Hugging Face keep their files; their usual cache unless given."""
    cpu: bool = False
    """Stay on the CPU where there is a GPU."""

    def check(self) -> None:
        """Raise UsageError where these flags do not go together."""
        if (self.run is None) == (self.model is None):
            raise UsageError("which tokenizer? Give either --run RUN.json, or --model NAME with --checkpoint FILE")
        require_published(self.model, self.checkpoint, self.image_size)
