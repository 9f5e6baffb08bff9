"""Tokenizers of pictures that somebody has trained, each by its name: those of stored runs, and published ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from autoencoders import Tokenizer
from autoencoders.pretrained.model import Pictures, Pretrained
from autoencoders.pretrained.registry import load_pretrained
from benchmarks.command_line.usage import UsageError
from benchmarks.data import ONE_PASS, DataConfig, DataError, EvaluationData, open_evaluation_data
from benchmarks.records.record import Record
from benchmarks.training.trained import (
    DOUBT,
    find_published,
    find_run,
    find_runs,
    require_signal,
    require_tokenizer,
    trained_tokenizer,
)
from storage.paths import StrPath, from_printable


@dataclass(frozen=True)
class PictureModel:
    """A tokenizer that is trained already, which `load` opens."""

    name: str
    """The id of its run, or what it is published under."""
    image_size: int
    """Side of its pictures in pixels."""
    path: Path
    """The run's record, or the published file of weights."""
    about: Record | Pretrained
    """What is known of it."""

    def load(self) -> Tokenizer:
        """The tokenizer in eval mode, on the CPU. ValueError where the weights are not its own."""
        if isinstance(self.about, Record):
            return trained_tokenizer(self.path, self.about)
        return load_pretrained(self.about.name, self.path)

    def open_pictures(self, source: str | None, root: StrPath | None, limit: int) -> EvaluationData:
        """Pictures to try it on, cropped to its size.

        Args:
            source: Where they are; unless given, of a run its own test pictures, of a published one the photographs.
            root: Where torchvision and Hugging Face keep their files; their usual cache unless given.
            limit: Take at most so many, evenly.

        Raises:
            ValueError: they are not there, or as `open_evaluation_data`.
        """
        config = DataConfig(
            source or "photographs", self.image_size, root=None if root is None else Path(root), limit_test=limit
        )
        if source is not None or not isinstance(self.about, Record):
            return open_evaluation_data(config, budget=ONE_PASS)
        own = replace(config, source=from_printable(self.about.data["source"]))
        try:
            return open_evaluation_data(own, "test", budget=ONE_PASS)
        except DataError as error:
            raise UsageError(
                f"{self.path}: its own pictures are not at hand ({error}); name others by --data"
            ) from error


def trained_models(runs: Sequence[StrPath], errors: Console) -> list[PictureModel]:
    """The tokenizers of stored runs, each looked at before the first is used.

    Raises:
        ValueError: there is none, or one that is of sounds or has no weights at hand.
    """
    found = find_runs(runs, errors)
    for path, stored in found:
        require_signal(path, stored)
        require_tokenizer(path, stored)
    return [PictureModel(stored.id, stored.data["image_size"], path, stored) for path, stored in found]


def trained_model(run: StrPath, errors: Console) -> PictureModel:
    """The tokenizer of one stored run. ValueError as `trained_models`, and where there are several."""
    path, _ = find_run(run, errors)
    (model,) = trained_models((path,), errors)
    return model


def published_model(name: str, checkpoint: StrPath | None, image_size: int | None, errors: Console) -> PictureModel:
    """A published tokenizer, at its own image size unless one is given.

    Raises:
        ValueError: no such tokenizer of pictures, or no such file.
    """
    model, weights = find_published(name, checkpoint)
    if not isinstance(model.signals, Pictures):
        raise UsageError(f"{model.name} codes {model.signals.kind} ({model.signals}), and this command takes pictures")
    if not model.verified:
        errors.print(f"{escape(model.name)} is {escape(DOUBT)}")
    return PictureModel(model.name, image_size or model.signals.image_size, weights, model)
