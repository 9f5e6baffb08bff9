"""Functions with a gradient of their own (`torch.autograd.Function`), called often."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Forward = TypeVar("Forward", bound=Callable[..., Any])


def with_known_signature(forward: Forward) -> Forward:
    """Decorator of a `forward`, below `staticmethod`: PyTorch asks for its signature at every call, and is told what it
    was once; working it out takes as long as several operations on small tensors."""
    forward.__signature__ = inspect.signature(forward)  # type: ignore[attr-defined]
    return forward
