"""What a compiler is to leave alone."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch

Function = TypeVar("Function", bound=Callable[..., Any])


def uncompiled(function: Function) -> Function:
    """Decorator: under `torch.compile` the function runs as it is.

    PyTorch's own form for its optimizers; the public `torch.compiler.disable`, which stands in where a version lacks
    that, does the same but imports the compiler on the spot, seconds of every program's start.
    """
    disable = getattr(torch, "_disable_dynamo", torch.compiler.disable)
    decorated: Function = disable(function)
    return decorated
