"""Small token sets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from priors.token_index import Contents, ShardFormat
from priors.token_set import TokenSet
from priors.token_writer import TokenSetWriter

Maps = list[torch.Tensor]


def some_contents(**changed: Any) -> Contents:
    """Two maps of two codes of 40,000 each, three classes."""
    known: dict[str, Any] = {
        "fingerprint": "f" * 64,
        "tokenizer": "made up",
        "maps": ("top", "bottom"),
        "grids": ((2, 3), (4, 6)),
        "codes_per_position": 2,
        "codebook_size": 40_000,
        "classes": ("cat", "dog", "owl"),
        "data": {"name": "random", "fingerprint": "d"},
        "id_offset": 100,
    }
    return Contents(**{**known, **changed})


def random_codes(contents: Contents, count: int, seed: int = 0) -> tuple[Maps, torch.Tensor, list[str]]:
    """Codes, labels and names of that many pictures."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(count, contents.codes_per_position, *grid) for grid in contents.grids]
    codes = [torch.randint(contents.codebook_size, shape, generator=generator) for shape in shapes]
    labels = torch.randint(max(1, len(contents.classes)), (count,), generator=generator)
    return codes, labels, [f"{index}.png" for index in range(count)]


def batches(
    contents: Contents, count: int, places: range, batch: int
) -> Iterator[tuple[Maps, torch.Tensor | None, list[str]]]:
    """The random pictures at some places, at most so many at a time."""
    codes, labels, names = random_codes(contents, count)
    for start in range(places.start, places.stop, batch):
        some = slice(start, min(start + batch, places.stop))
        yield [of[some] for of in codes], labels[some] if contents.classes else None, names[some]


def write(
    folder: Path,
    contents: Contents,
    count: int,
    batch: int,
    shard_pictures: int,
    shard_format: ShardFormat = "safetensors",
) -> TokenSet:
    """A token set of random codes, or what is lacking of it."""
    writer = TokenSetWriter(folder, contents, count, shard_pictures, shard_format)
    for number in writer.prepare():
        writer.write(number, batches(contents, count, writer.places(number), batch))
    return writer.finish()


def make(folder: Path, shard_format: ShardFormat = "safetensors", **changed: Any) -> Path:
    """A token set of 50 pictures in 4 shards."""
    write(folder, some_contents(**changed), 50, 7, 15, shard_format)
    return folder
