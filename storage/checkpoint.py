"""A training state (nested dicts and lists of tensors and plain values) in one safetensors file.

The tensors are the file's tensors; the tree that held them is its metadata, as JSON. Nothing in such a file is
code, and a file is written whole or not at all, so a `kill -9` at any moment leaves the last whole one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from storage.paths import StrPath
from storage.whole_files import replacing

Tree = Any  # a tensor, a plain JSON value, or a dict, list or tuple of Trees


class CheckpointError(ValueError):
    """A checkpoint file that cannot be used; the message says why and what to do."""


def save_tree(path: StrPath, tree: Tree) -> None:
    """Write `tree` to `path`; tensors keep their dtype and values, and are brought back on the CPU."""
    tensors: dict[str, torch.Tensor] = {}
    memory: set[int] = set()

    def keep(tensor: torch.Tensor) -> int:
        name = str(len(tensors))
        stored = tensor.detach().cpu().contiguous()
        where = stored.untyped_storage().data_ptr()
        tensors[name] = stored.clone() if where in memory else stored  # safetensors refuses those that share memory
        memory.add(where)
        return int(name)

    metadata = {"tree": json.dumps(_pack(tree, keep))}
    with replacing(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def load_tree(path: StrPath) -> Tree:
    """Read what `save_tree` wrote.

    Raises:
        CheckpointError: the file is damaged or is no checkpoint of this program.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return _unpack(json.loads(file.metadata()["tree"]), lambda name: file.get_tensor(str(name)))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is not a whole checkpoint ({error}); delete it to start this run from its beginning"
        ) from error


def _pack(tree: Tree, keep: Callable[[torch.Tensor], int]) -> Any:
    """The tree as JSON: a tensor becomes {"tensor": number}, a dict its pairs (keys may be integers)."""
    if isinstance(tree, torch.Tensor):
        return {"tensor": keep(tree)}
    if isinstance(tree, dict):
        return {"dict": [[key, _pack(value, keep)] for key, value in tree.items()]}
    if isinstance(tree, list | tuple):
        return [_pack(value, keep) for value in tree]
    return tree


def _unpack(packed: Any, get: Callable[[int], torch.Tensor]) -> Tree:
    if isinstance(packed, list):
        return [_unpack(value, get) for value in packed]
    if isinstance(packed, dict):
        if "tensor" in packed:
            return get(packed["tensor"])
        return {key: _unpack(value, get) for key, value in packed["dict"]}
    return packed
