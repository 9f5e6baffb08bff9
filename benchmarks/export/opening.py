"""What is exported, and the signals that its programs are compared on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from rich.console import Console
from rich.markup import escape
from torch import Tensor

from autoencoders import Tokenizer
from autoencoders.programs import QuantizerAlone
from benchmarks.command_line.options import parse_options
from benchmarks.data import test_batches
from benchmarks.export.arguments import Arguments
from benchmarks.metrics.pictures import to_unit_range
from benchmarks.records import model_card
from benchmarks.records.record import Record
from benchmarks.training.picture_models import PictureModel, published_model, trained_model
from quantizers import create_quantizer

GRID = 16
"""Side of the maps of latents that a quantizer alone is compared on."""


@dataclass(frozen=True)
class Subject:
    """A tokenizer to export.

    Attributes:
        name: That its folder gets.
        about: What it is, in a sentence for the model card.
        tokenizer: In eval mode on the CPU.
        extent: Of its signals.
        data: What they are, for the record.
        batches: The signals, each (B, channels, *extent).
    """

    name: str
    about: str
    tokenizer: Tokenizer
    extent: tuple[int, int]
    data: dict[str, Any]
    batches: Iterator[Tensor]


def open_subject(arguments: Arguments, console: Console, errors: Console) -> Subject:
    """What was asked for.

    Raises:
        ValueError: it cannot be had, in a sentence.
    """
    if arguments.quantizer is not None:
        return _quantizer(arguments.quantizer, arguments)
    if arguments.run is not None:
        model = trained_model(arguments.run, errors)
    else:
        model = published_model(str(arguments.model), arguments.checkpoint, arguments.image_size, errors)
    return _pictures(model, arguments, console)


def _quantizer(name: str, arguments: Arguments) -> Subject:
    options = parse_options(arguments.options)
    quantizer = create_quantizer(name, bits=arguments.bits, **options)
    tokenizer = QuantizerAlone(quantizer).eval()
    noise = torch.Generator().manual_seed(0)
    sizes = [len(some) for some in torch.arange(arguments.limit).split(arguments.batch_size)]
    batches = (torch.randn(size, quantizer.dim, GRID, GRID, generator=noise) for size in sizes)
    rate = f"{quantizer.bits_per_position:.4g}bit"
    data = {"name": "standard normal latents", "test": {"maps": arguments.limit, "side": GRID, "seed": 0}}
    called = f"{name.replace(':', '.')}-{rate}"
    return Subject(
        called, model_card.of_quantizer(name, options, quantizer), tokenizer, (GRID, GRID), data, iter(batches)
    )


def _pictures(model: PictureModel, arguments: Arguments, console: Console) -> Subject:
    data = model.open_pictures(arguments.data, arguments.root, arguments.limit)
    console.print(escape(data.words), soft_wrap=True, highlight=False)
    batches = (to_unit_range(pictures) for _, pictures in test_batches(data, arguments.batch_size))
    about = model_card.of_run(model.about) if isinstance(model.about, Record) else model_card.of_published(model.about)
    return Subject(model.name, about, model.load(), (model.image_size,) * 2, data.record, batches)
