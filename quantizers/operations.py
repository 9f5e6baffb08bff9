"""Operations of our own, each one node in graphs that are compiled or traced, whatever Python it runs."""

from collections.abc import Callable
from typing import Any

import torch

_LIBRARY = torch.library.Library("quantizers", "FRAGMENT")


def operation(name: str) -> Callable[[Callable[..., Any]], Any]:
    """Decorator: the function becomes `torch.ops.quantizers.NAME`, without a gradient of its own.

    It must change none of its arguments and return new tensors. `torch.library.custom_op` does the same, and checks
    that at every call, which takes longer than most operations on small tensors; here `torch.library.opcheck` does, in
    the tests. What shape and dtype the results have is said to `torch.library.register_fake`.
    """

    def register(function: Callable[..., Any]) -> Any:
        _LIBRARY.define(name + torch.library.infer_schema(function, mutates_args=()))
        _LIBRARY.impl(name, function, "CompositeExplicitAutograd")
        return getattr(torch.ops.quantizers, name).default

    return register
