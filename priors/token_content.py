"""What a file of a token set holds, whatever kind of file it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from priors.token_index import Contents

LABELS = "labels"
LABEL_KIND = torch.int32

METADATA = "token_set"
"""All that a shard says of itself, in one entry: more would be stored in any order, and files of equal sets differ."""

Signal = list[np.ndarray]
"""The code maps of one item, each (codes per position, *grid)."""


class Stored(NamedTuple):
    """A shard.

    Attributes:
        about: "key", the digest of what the codes are; "shard", its number; "first", the number of its first picture.
        names: Of its pictures.
        tensors: Of each map `codes.NAME`, (n, c, *grid), and `labels` where there are classes; where signals have
            several lengths `codes.NAME`, (all positions, c), of one signal after the other, and `lengths.NAME`.
    """

    about: dict[str, Any]
    names: list[str]
    tensors: dict[str, Tensor]


def tensor_name(code_map: str) -> str:
    """What the tensor of a code map is called in a shard."""
    return f"codes.{code_map}"


def length_name(code_map: str) -> str:
    """What the tensor is called that has the length of each signal in a code map, where these differ."""
    return f"lengths.{code_map}"


def parse_about(text: str | bytes | None) -> dict[str, Any]:
    """What a shard says of itself. ValueError where it says something else."""
    about = json.loads(text or "null")
    if not isinstance(about, dict) or not {"key", "shard"} <= about.keys():
        raise ValueError("it does not say what it is")
    return about


def require_names(names: object) -> list[str]:
    """The names of a shard's pictures. ValueError where one is no word, or where they are no list."""
    if not isinstance(names, list):
        raise ValueError("it does not say what it is")
    if not all(isinstance(name, str) for name in names):
        raise ValueError("a name that is no word")
    return names


def signals(contents: Contents, tensors: dict[str, Tensor]) -> Iterator[Signal]:
    """The code maps of each item of a shard, in order."""
    codes = [tensors[tensor_name(name)].numpy() for name in contents.maps]
    if not contents.has_lengths:
        yield from map(list, zip(*codes, strict=True))
        return
    ends = [tensors[length_name(name)].cumsum(0).tolist() for name in contents.maps]
    begins = [[0, *of[:-1]] for of in ends]
    for places in zip(*(zip(*of, strict=True) for of in zip(begins, ends, strict=True)), strict=True):
        yield [of[begin:end].T for of, (begin, end) in zip(codes, places, strict=True)]


def joined(contents: Contents, items: list[Signal]) -> dict[str, Tensor]:
    """The tensors of a shard, without labels, from the code maps of each item. ValueError where they do not fit."""
    tensors: dict[str, Tensor] = {}
    for name, of in zip(contents.maps, zip(*items, strict=True), strict=True):
        if contents.has_lengths:
            tensors[length_name(name)] = torch.tensor([part.shape[1] for part in of])
            of = tuple(rearrange(part, "c p -> p c") for part in of)
        join = np.concatenate if contents.has_lengths else np.stack
        tensors[tensor_name(name)] = torch.from_numpy(join(of))
    return tensors
