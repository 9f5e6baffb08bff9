"""Random numbers of data-parallel ranks that one process with the whole batch can draw too."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class SharedDraws(TorchDispatchMode):
    """Seeds every random operation by its number and by the rank that it is drawn for.

    One process with the whole batch draws each rank's part with that rank's seed; what has no batch axis it draws as
    rank 0 does. So the other ranks draw such numbers otherwise, as with seeds of their own in real training. A
    generator given to an operation is left alone.

    Args:
        shares: samples of the batch that each rank holds.
        rank: this process's, or None for the one with the whole batch.
    """

    def __init__(self, shares: Sequence[int], rank: int | None = None) -> None:
        super().__init__()
        self.shares = shares
        self.rank = rank
        self._number = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags or kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        self._number += 1
        length = _length(args)
        if self.rank is not None or length is None or length % sum(self.shares):
            self._seed(self.rank or 0)
            return func(*args, **kwargs)
        parts, start = [], 0
        for rank, share in enumerate(self.shares):
            self._seed(rank)
            stop = start + length // sum(self.shares) * share
            cut = [_part(argument, length, start, stop) for argument in args]
            parts.append(func(*cut, **kwargs))
            start = stop
        if func._schema.is_mutable:  # in place, on views of the whole
            return args[0]
        return torch.cat(parts) if isinstance(parts[0], Tensor) else tuple(map(torch.cat, zip(*parts, strict=True)))

    def _seed(self, rank: int) -> None:
        torch.manual_seed(1000 * self._number + rank)


def _length(args: Any) -> int | None:
    """Size of the first axis of what a random operation draws, by its tensor or its size argument."""
    for argument in args:
        if isinstance(argument, Tensor) and argument.ndim:
            return argument.shape[0]
        if isinstance(argument, (list, tuple)) and argument and isinstance(argument[0], int):
            return argument[0]
    return None


def _part(argument: Any, length: int, start: int, stop: int) -> Any:
    """A tensor or a size with that first axis cut to [start, stop); anything else as it is."""
    if isinstance(argument, Tensor) and argument.ndim and argument.shape[0] == length:
        return argument[start:stop]
    if isinstance(argument, (list, tuple)) and argument and argument[0] == length:
        return [stop - start, *argument[1:]]
    return argument
