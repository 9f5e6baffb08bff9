"""The tokenizer whose codes are stored, and the data that it is for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape

from autoencoders import Tokenizer
from autoencoders.pretrained.registry import load_pretrained
from benchmarks.command_line.usage import UsageError
from benchmarks.data import DataConfig
from benchmarks.metrics.codes import has_codebook
from benchmarks.tokens.arguments import Arguments
from benchmarks.training.stored import configuration
from benchmarks.training.trained import (
    DOUBT,
    data_for,
    find_published,
    find_run,
    require_tokenizer,
    trained_tokenizer,
)


class Named(NamedTuple):
    """A tokenizer in eval mode, its name, and data of the size that it is for."""

    tokenizer: Tokenizer
    name: str
    data: Any


def open_tokenizer(arguments: Arguments, errors: Console) -> Named:
    """The tokenizer that was asked for.

    Raises:
        ValueError: it cannot be had, or it has no codes.
    """
    named = _trained(arguments, errors) if arguments.run is not None else _published(arguments, errors)
    if not all(map(has_codebook, named.tokenizer.quantizers)):
        raise UsageError(f"{named.name} has no codebook, every channel is kept as a 32-bit float: choose a quantizer")
    return named


def _trained(arguments: Arguments, errors: Console) -> Named:
    assert arguments.run is not None
    path, stored = find_run(arguments.run, errors)
    require_tokenizer(path, stored)
    return Named(trained_tokenizer(path, stored), stored.id, configuration(path, stored).settings.data)


def _published(arguments: Arguments, errors: Console) -> Named:
    model, weights = find_published(str(arguments.model), arguments.checkpoint)
    data = data_for(model.signals)
    if arguments.image_size is not None:
        if not isinstance(data, DataConfig):
            raise UsageError(f"--image-size is for pictures: {model.name} codes {model.signals.kind} ({model.signals})")
        data = replace(data, image_size=arguments.image_size)
    if not model.verified:
        errors.print(f"{escape(model.name)} is {escape(DOUBT)}")
    return Named(load_pretrained(model.name, weights), model.name, data)
