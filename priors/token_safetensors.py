"""Shards as safetensors, which are read from a memory map."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from priors.token_content import METADATA, Stored, parse_about, require_names
from priors.token_index import Contents
from storage.paths import StrPath


def write(path: StrPath, contents: Contents, stored: Stored) -> None:
    """Write a shard."""
    about = {**stored.about, "names": stored.names}
    Path(path).write_bytes(save(stored.tensors, metadata={METADATA: json.dumps(about)}))


def read(path: StrPath, contents: Contents) -> Stored:
    """A shard; its tensors are a memory map. ValueError or OSError for a file that is none."""
    try:
        with safe_open(path, framework="pt") as file:
            about = parse_about((file.metadata() or {}).get(METADATA))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no dictionary)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    return Stored(about, require_names(about.pop("names", None)), tensors)
