"""What `python -m benchmarks.evaluate` is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from autoencoders.ranges import Count, Size
from benchmarks.command_line.usage import UsageError, require_published
from benchmarks.data.config import SOURCES
from benchmarks.data.division import Part
from benchmarks.data.sizes import PictureSize, extent_of

BATCH, BATCH_PIXELS = 32, 2**21
"""Pictures per batch, and the pixels that larger ones hold together at most."""


@dataclass(frozen=True)
class Arguments:
    """Measure tokenizers, or what any program made of pictures or sounds, under the protocol of their signal, and
    show the table. Give one of

    - stored runs of `python -m benchmarks.run`, to measure their tokenizers on pictures, sounds or films that they
      never saw (--data);
    - --model NAME, a published tokenizer with its file of weights (--checkpoint), and pictures, sounds or films
      (--data);
    - --reference DIR and --reconstruction DIR: pictures or sounds and what became of them, whatever made these.

    Of --data all is taken, but of a data set that comes with a part for tests (of a folder: val/, validation/
    or test/ beside train/) that part; --part takes another, and the screen says what was taken. Each evaluation is
    stored like a run, in OUTPUT/PRESET/DATA SET (PRESET is "elsewhere" for what was trained elsewhere), and one that is
    stored already is not done again. A command that was stopped or killed goes on where it was when it is given again,
    and ends in the same numbers. Under `torchrun` several processes share the pictures.
    """

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional] = ()
    """Stored runs (RUN.json, with RUN.safetensors beside it), or folders of them."""
    model: str | None = None
    """Name of a published tokenizer, see --list-models."""
    checkpoint: Path | None = None
    """Its file of weights, or folder."""
    list_models: bool = False
    """Show the published tokenizers, how they are verified and where their weights are, and stop."""
    reference: Path | None = None
    """Folder of originals."""
    reconstruction: Path | None = None
    """Folder of reconstructions, each as large, or as long, as the original of the same relative path (but for the
    suffix); of JPEG, WebP and AVIF files the sizes give the bits per pixel, of MP3 and Ogg files the kbit/s. Sounds at
    another rate than their originals are resampled to that of these."""
    data: Annotated[str | None, tyro.conf.arg(help=SOURCES)] = None
    part: Part | None = None
    """Which pictures of --data: those that a run on it trains on, those that it tests on, or all."""
    image_size: tuple[Size, ...] = ()
    """Side in pixels of the squares that pictures are resized and cropped to, or their height and width: any that a
    tokenizer takes, larger than it was trained at too. The tokenizer's own unless given."""
    output: Path = Path("runs")
    """Folder that evaluations are stored in."""
    limit: Count | None = None
    """Take at most this many pictures, sounds or films, evenly from all of --data."""
    batch_size: Count | None = None
    """Pictures per batch; moves no number by more than the rounding of a pixel or two does. By default 32, of larger
    --image-size as many as hold 2^21 pixels."""
    root: Path | None = None
    """Where torchvision and Hugging Face keep their files; their usual cache unless given."""
    no_cache: bool = False
    """Neither use nor keep Inception's features of the originals, which are kept in ~/.cache (XDG_CACHE_HOME) so that
    the next tokenizer on the same pictures needs half of the time for its rFID."""
    explain: bool = False
    """Measure each tokenizer also under the protocol with one choice of it changed at a time, and as papers' own
    programs measure, and show how far each moves each number; stored beside the evaluation as variants-NAME.json."""
    protocol: tuple[str, ...] = ()
    """Only these variants for --explain, by name, with or without a version, e.g. --protocol vqgan adm-crop/1."""
    force: bool = False
    """Do evaluations again that are stored already."""
    cpu: bool = False
    """Stay on the CPU where there is a GPU."""
    inception: Path | None = None
    """Weights of the FID Inception network, for the rFID column; see python -m benchmarks.weights."""
    lpips_backbone: Path | None = None
    """Weights of the LPIPS backbone, for the LPIPS column; see python -m benchmarks.weights."""
    i3d: Path | None = None
    """TorchScript file of the network of the Fréchet video distance, for the rFVD column of films."""

    @property
    def size(self) -> PictureSize | None:
        """Of pictures, where it is not the tokenizer's own."""
        if not self.image_size:
            return None
        height, width = self.image_size[0], self.image_size[-1]
        return height if height == width else (height, width)

    @property
    def at_once(self) -> int:
        """Pictures per batch."""
        if self.batch_size is not None:
            return self.batch_size
        return BATCH if self.size is None else max(1, min(BATCH, BATCH_PIXELS // math.prod(extent_of(self.size))))

    def check(self) -> None:
        """Raise UsageError where these flags do not go together."""
        folders = self.reference is not None or self.reconstruction is not None
        given = [
            name
            for name, there in (
                ("stored runs", bool(self.runs)),
                ("--model", self.model is not None),
                ("--reference with --reconstruction", folders),
            )
            if there
        ]
        if len(given) != 1:
            got = " and ".join(given) or "nothing"
            raise UsageError(
                f"what is to be measured? Give stored runs, --model NAME, or --reference DIR with --reconstruction "
                f"DIR: one of them, got {got}"
            )
        if folders and (self.reference is None or self.reconstruction is None):
            lacking = "--reference" if self.reference is None else "--reconstruction"
            raise UsageError(f"{lacking} DIR is missing: the originals and their reconstructions go together")
        if folders and (self.data, self.part, self.limit) != (None, None, None):
            raise UsageError(
                "--data, --part and --limit choose what a tokenizer is measured on; --reference has its own"
            )
        if not folders and self.data is None:
            raise UsageError("--data is missing: a folder of pictures, sounds or films, or the name of a data set")
        require_published(self.model, self.checkpoint, None)
        if len(self.image_size) > 2:
            got = " ".join(map(str, self.image_size))
            raise UsageError(f"--image-size is one side, or height and width; got {got}")
        if folders and self.image_size:
            raise UsageError("--image-size crops pictures for a tokenizer; those of --reference are taken as they are")
        if self.explain and not isinstance(self.size, int | None):
            raise UsageError("--explain is for squares, which all rules of cropping make: give --image-size one number")
        if self.protocol and not self.explain:
            raise UsageError("--protocol chooses among the variants that --explain measures: give both")
        if self.explain and folders:
            raise UsageError("--explain is for tokenizers: reconstructions that are there already were cropped once")


def chosen(arguments: Arguments) -> list[str]:
    """The flags that choose the pictures of --data and their size, for the command that makes an evaluation again."""
    flags = (("--part", arguments.part), ("--limit", arguments.limit))
    words = [word for flag, value in flags if value is not None for word in (flag, str(value))]
    return ["--image-size", *map(str, arguments.image_size), *words] if arguments.image_size else words


def require_pictures_for_size(arguments: Arguments, name: str, signals: str) -> None:
    """Raise UsageError where a size of pictures was asked for and the tokenizer of that name codes other signals."""
    if arguments.image_size:
        raise UsageError(f"--image-size is for pictures: {name} codes {signals}")
