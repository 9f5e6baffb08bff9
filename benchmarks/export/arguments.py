"""What `python -m benchmarks.export` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from autoencoders.formats import Format, Part
from autoencoders.ranges import Bits, Count, Size
from benchmarks.command_line.usage import UsageError, require_published
from benchmarks.data.config import SOURCES


@dataclass(frozen=True)
class Arguments:
    """Write a tokenizer of pictures as programs that run without this package, and compare them with it.

    The tokenizer is that of a stored run of `python -m benchmarks.run` (RUN.json), a published one (--model NAME with
    --checkpoint), or a quantizer alone (--quantizer). In OUTPUT/NAME/FORMAT then lie the programs, one file each, a
    model card that says how to use them (README.md), and what was compared (export.json): how many codes of test
    pictures are equal, and how far the decoded pictures differ.
    """

    run: Annotated[Path | None, tyro.conf.Positional] = None
    """Stored run (RUN.json, with RUN.safetensors beside it)."""
    model: str | None = None
    """Name of a published tokenizer, see python -m benchmarks.evaluate --list-models."""
    checkpoint: Path | None = None
    """Its file of weights, or folder."""
    quantizer: str | None = None
    """Name of a quantizer, as it is before any training, or package.module:Class."""
    bits: Bits | None = None
    """Of the quantizer, per position; its own unless given."""
    options: tuple[str, ...] = ()
    """Of the quantizer, as name=value."""
    format: Format = "onnx"
    """ONNX, or PyTorch's own, which torch.export.load reads."""
    part: tuple[Part, ...] = ("encoder", "decoder", "both")
    """Pictures to codes, codes to pictures, pictures to their reconstructions."""
    output: Path = Path("exported")
    """Folder that exports are stored in."""
    force: bool = False
    """Export again what is there already."""
    data: Annotated[
        str | None, tyro.conf.arg(help=f"Pictures to compare on: {SOURCES}; the run's own unless given.")
    ] = None
    limit: Count = 200
    """Compare on at most this many pictures, evenly from all; a quantizer alone, on so many maps of normal noise."""
    batch_size: Count = 32
    """Pictures per batch."""
    image_size: Size | None = None
    """Side in pixels that pictures are resized and cropped to for --model; the model's own unless given."""
    root: Path | None = None
    """Where torchvision and Hugging Face keep their files; their usual cache unless given."""

    def check(self) -> None:
        """Raise UsageError where these flags do not go together."""
        if sum(given is not None for given in (self.run, self.model, self.quantizer)) != 1:
            raise UsageError(
                "what is to be exported? Give RUN.json, --model NAME with --checkpoint FILE, or --quantizer NAME: one "
                "of them"
            )
        require_published(self.model, self.checkpoint, self.image_size)
        if self.quantizer is None and (self.bits is not None or self.options):
            raise UsageError("--bits and --options are of a quantizer alone: say which by --quantizer NAME")
        if self.quantizer is not None and self.data is not None:
            raise UsageError("--data is for tokenizers of pictures: a quantizer alone is compared on normal noise")
        if not self.part:
            raise UsageError("--part is empty: name one or more of encoder, decoder and both")
