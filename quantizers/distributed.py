"""Sums over data-parallel ranks, with and without a gradient. On one process each is the identity."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from quantizers.functions import called_in_place


def world_size() -> int:
    """Number of data-parallel ranks; 1 where `torch.distributed` is not initialised."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """This process's rank; 0 where `torch.distributed` is not initialised."""
    return dist.get_rank() if world_size() > 1 else 0


def sum_over_ranks(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Elementwise sums over ranks of several tensors of one dtype, in one all-reduce; no gradient."""
    if world_size() == 1:
        return list(tensors)
    flat = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
    dist.all_reduce(flat)
    pieces = flat.split([tensor.numel() for tensor in tensors])
    return [piece.view_as(tensor) for piece, tensor in zip(pieces, tensors, strict=True)]


def place_of_rows(rows: Tensor) -> tuple[Tensor | int, Tensor | int]:
    """Where this rank's rows begin in the global batch, whose parts the ranks hold in order, and how long that is."""
    if world_size() == 1:
        return 0, rows.shape[0]
    counts = torch.zeros(world_size(), dtype=torch.int64, device=rows.device)
    counts[rank()] = rows.shape[0]
    dist.all_reduce(counts)
    return counts[: rank()].sum(), counts.sum()


class _DifferentiableSum(torch.autograd.Function):
    """Sum over ranks. Every rank's loss depends on every rank's x, so gradients are summed as well."""

    @staticmethod
    @called_in_place
    def forward(x: Tensor) -> Tensor:
        x = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(x)
        return x

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        return _DifferentiableSum.apply(grad)


def differentiable_sum_over_ranks(x: Tensor) -> Tensor:
    """Sum over ranks with its exact gradient: averaged over ranks, as DistributedDataParallel does, the
    gradient of a loss of this sum is that of one rank holding the whole batch."""
    return _DifferentiableSum.apply(x) if world_size() > 1 else x
