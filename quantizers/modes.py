"""Training and eval mode of a module whose parts may each be in one of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from torch import nn

Module = TypeVar("Module", bound=nn.Module)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """The module in eval mode for a while; then, whatever happens, each of its parts in the mode that it was in."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        module.train(modes[0][1])  # of a part whose `train` does more than to set a flag
        for part, training in modes:
            part.training = training


def with_modes_of_its_own(module: Module) -> Module:
    """A copy of the tree of modules, each in the mode of the original and with its very parameters and buffers."""
    twin = type(module).__new__(type(module))  # `copy.copy` refuses what has a parametrization, such as a weight norm
    twin.__dict__.update(module.__dict__)
    twin._modules = {name: child and with_modes_of_its_own(child) for name, child in module._modules.items()}
    return twin
