"""All published tokenizers that can be loaded, by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from autoencoders.pretrained.film_zoo import FILM_ZOO
from autoencoders.pretrained.model import Pretrained
from autoencoders.pretrained.picture_zoo import PICTURE_ZOO
from autoencoders.pretrained.sound_zoo import SOUND_ZOO
from storage.paths import StrPath

if TYPE_CHECKING:
    from autoencoders.tokenizer import Tokenizer

ZOO = PICTURE_ZOO + SOUND_ZOO + FILM_ZOO


def list_pretrained() -> tuple[Pretrained, ...]:
    """All published tokenizers that this project can load: those for pictures, for sounds, for films."""
    return ZOO


def find_pretrained(name: str) -> Pretrained:
    """The published tokenizer of that name. ValueError, with the names that there are, for another."""
    models = {model.name: model for model in list_pretrained()}
    if name not in models:
        raise ValueError(f"there is no published tokenizer {name!r}; there are {', '.join(models)}.")
    return models[name]


def load_pretrained(name: str, path: StrPath | None = None) -> Tokenizer:
    """A published tokenizer in eval mode.

    Args:
        name: One of `list_pretrained`.
        path: Its file of weights. Nothing is downloaded: without a path the error says where the file is to be had.

    Raises:
        ValueError: no such name.
        WeightsError: no path, or a file that is not this model's.
    """
    model = find_pretrained(name)
    if path is None:
        from autoencoders.pretrained.files import WeightsError  # brings torch

        raise WeightsError(f"{name}: the file of its weights must be given; it is to be had from {model.source}")
    return model.load(Path(path))
