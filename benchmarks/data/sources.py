"""From what `--data` says to pictures that are not yet decoded."""

from __future__ import annotations

from benchmarks.data.config import DataConfig, DataError
from benchmarks.data.finding import find
from benchmarks.data.from_torchvision import open_torchvision
from benchmarks.data.naming import parse_source
from benchmarks.data.photographs import open_photographs
from benchmarks.data.picture_files import PICTURES, PictureFiles
from benchmarks.data.pictures import Source, source_of
from benchmarks.data.texture import open_texture


def open_source(config: DataConfig) -> Source:
    """The pictures that `config.source` names, not yet decoded. Raises DataError where it names none."""
    scheme, name, splits = parse_source(config.source)
    if scheme == "photographs":
        return open_photographs(config, splits)
    if scheme == "torchvision":
        return open_torchvision(config, name, splits)
    if scheme == "texture":
        return open_texture(config, name, splits)
    if scheme == "moving":
        raise DataError(f"{config.source} are films, for presets of films: name the pictures themselves, as {name}")
    return source_of(find(PICTURES, config.source, config.root).of(PictureFiles), config.min_crop)
