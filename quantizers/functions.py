"""Functions with a gradient of their own (`torch.autograd.Function`), called often."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

Forward = TypeVar("Forward", bound=Callable[..., Any])


class _Arguments(NamedTuple):
    """As `inspect.BoundArguments`, of arguments that are complete."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def apply_defaults(self) -> None:
        """There are none."""


class _Positional(inspect.Signature):
    """Of a function that is given every argument in its place."""

    def bind(self, *args: Any) -> Any:  # type: ignore[override]
        return _Arguments(args, {})


def called_in_place(forward: Forward) -> Forward:
    """Decorator of a `forward` without defaults, below `staticmethod`: every argument comes in its place. PyTorch binds
    the arguments to the signature at every call; working that out takes as long as several operations on small
    tensors."""
    forward.__signature__ = _Positional(tuple(inspect.signature(forward).parameters.values()))  # type: ignore[attr-defined]
    return forward
