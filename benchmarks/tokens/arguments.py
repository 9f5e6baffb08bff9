"""What `python -m benchmarks.tokens` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from annotated_types import Interval

from autoencoders.ranges import Count, Parts, Place, Size
from benchmarks.command_line.usage import UsageError, require_published
from benchmarks.data.config import SOURCES
from benchmarks.data.division import Part
from quantizers.options import MAX_PARTS

Format = Literal["safetensors", "parquet", "webdataset"]
"""As the token sets' own names, which are not asked for them so that help need not wait for PyTorch."""


@dataclass(frozen=True)
class Arguments:
    """Compute the codes of pictures, sounds or films under a tokenizer once, and store them in a folder for priors and
    language models.

    The tokenizer is that of a stored run of `python -m benchmarks.run` (--run), or a published one (--model NAME with
    --checkpoint). Of each picture the reconstruction protocol's centre crop is taken, of each sound all of it, of each
    film the clips that it has as one that tests. priors/token_set.md describes the folder; a prior needs one of each
    --part. A command that was stopped or killed makes the files that lack when it is given again.

    Several processes make the files together: on Ray (--ray), or started by torchrun, on one machine or on several that
    share the folders. Whoever of them dies, each file is whole or not there, and all are what one process makes.
    """

    data: Annotated[str, tyro.conf.arg(help=SOURCES)]
    output: Path
    """Folder that the codes are stored in, for these data and this tokenizer alone."""
    run: Annotated[Path | None, tyro.conf.arg(aliases=["--runs"])] = None
    """Stored run (RUN.json, with RUN.safetensors beside it). Under torchrun write --runs: it takes --run for one of its
    own flags."""
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
    format: Format = "safetensors"
    """Of the files: safetensors, which priors train on in any order, Parquet (extra parquet), or the tar files of
    WebDataset."""
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

    ray: str | None = None
    """Make the files as tasks of Ray (extra ray): local starts it on this machine, auto takes the cluster that this one
    is part of, and so does any other address of Ray's. The machines share the folders and the Python environment."""
    workers: Parts | None = None
    """Files at a time on --ray local. By default one for each core, or for so many as each takes."""
    cpus_per_worker: Parts = 1
    """Cores, and threads, of each on Ray."""
    gpus_per_worker: Annotated[float, Interval(ge=0, le=MAX_PARTS)] = 0
    """GPUs of each on Ray, or its share of one."""

    def check(self) -> None:
        """Raise UsageError where these flags do not go together."""
        if self.workers is not None and self.ray != "local":
            raise UsageError("--workers is for --ray local: other processes are counted by what starts them")
        if self.ray is None and (self.cpus_per_worker, self.gpus_per_worker) != (1, 0):
            raise UsageError("--cpus-per-worker and --gpus-per-worker are for --ray")
        if (self.run is None) == (self.model is None):
            raise UsageError("which tokenizer? Give either --run RUN.json, or --model NAME with --checkpoint FILE")
        require_published(self.model, self.checkpoint, self.image_size)
