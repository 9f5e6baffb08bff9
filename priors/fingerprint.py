"""Which tokenizer it is: a digest that changes with anything that its codes depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

from autoencoders import Tokenizer

WITHOUT_EFFECT = ("training", "checkpointing", "gradient_checkpointing")
"""Attributes that say how a network computes, not what."""


def fingerprint(tokenizer: Tokenizer) -> str:
    """SHA-256 of a tokenizer's weights and configuration, in hexadecimal digits.

    The configuration is what its modules say of themselves: their names and classes, and the numbers and words among
    their attributes. PyTorch's own layers say no more than their class, so that its next version changes nothing.
    """
    digest = hashlib.sha256()
    for name, module in tokenizer.named_modules():
        about = {} if type(module).__module__.startswith("torch.") else dict(_attributes(module))
        digest.update(json.dumps([name, type(module).__qualname__, about], sort_keys=True).encode())
    for part in _parts(tokenizer.state_dict()):
        digest.update(part)
    return digest.hexdigest()


def weights_fingerprint(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 of tensors, their names and types, in hexadecimal digits, in whatever order they come."""
    digest = hashlib.sha256()
    for part in _parts(dict(sorted(weights.items()))):
        digest.update(part)
    return digest.hexdigest()


def _parts(weights: Mapping[str, Tensor]) -> Iterator[Any]:
    """The bytes that a digest of weights is of."""
    for name, tensor in weights.items():
        yield json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode()
        values = tensor.detach().cpu().contiguous().flatten()
        yield values.view(torch.uint8).numpy()


def _attributes(module: nn.Module) -> Iterator[tuple[str, Any]]:
    for name, value in vars(module).items():
        if name.startswith("_") or name in WITHOUT_EFFECT:
            continue
        if is_dataclass(value) and not isinstance(value, type):
            yield name, {key: _plain(of) for key, of in asdict(value).items() if key not in WITHOUT_EFFECT}
        elif _is_plain(value):
            yield name, _plain(value)


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def _plain(value: Any) -> Any:
    return value if _is_plain(value) else str(value)
