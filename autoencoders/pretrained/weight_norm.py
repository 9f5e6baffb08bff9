"""Weights as lengths and directions of their filters, and back: what files have is not always what a network has.

Salimans & Kingma 2016 (arXiv:1602.07868).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from autoencoders.pretrained.files import FLOATS

LENGTH, DIRECTION = "parametrizations.weight.original0", "parametrizations.weight.original1"
"""Names by PyTorch's parametrization, which our networks have."""

OLDER = ((r"\.weight_g$", f".{LENGTH}"), (r"\.weight_v$", f".{DIRECTION}"))
"""Names by `torch.nn.utils.weight_norm`, and these."""


def split_weights(tensors: Mapping[str, Tensor], layer: str) -> dict[str, Tensor]:
    """The tensors, of which the weights of the layers whose names end in the pattern are lengths and directions."""
    weight = re.compile(rf"(?:{layer})\.weight$")
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if weight.search(name) and tensor.ndim > 1 and tensor.dtype in FLOATS:
            of = name.removesuffix("weight")
            found |= {f"{of}{LENGTH}": _lengths(tensor), f"{of}{DIRECTION}": tensor}
        else:
            found[name] = tensor
    return found


def merged_weights(tensors: Mapping[str, Tensor], layer: str) -> dict[str, Tensor]:
    """The tensors, of which the lengths and directions of the layers whose names end in the pattern are weights."""
    direction = re.compile(rf"(?:{layer})\.{re.escape(DIRECTION)}$")
    found = dict(tensors)
    for name, tensor in tensors.items():
        of = name.removesuffix(DIRECTION)
        length = tensors.get(f"{of}{LENGTH}")
        if (
            direction.search(name)
            and length is not None
            and {length.dtype, tensor.dtype} <= set(FLOATS)
            and tensor.ndim > 1
        ):
            own = _lengths(tensor)
            if length.shape == own.shape:
                del found[name], found[f"{of}{LENGTH}"]
                found[f"{of}weight"] = tensor * (length / own)
    return found


def _lengths(weight: Tensor) -> Tensor:
    """Of each filter, with as many axes as the weight."""
    return torch.linalg.vector_norm(weight, dim=tuple(range(1, weight.ndim)), keepdim=True)
