"""Data-parallel ranks: sums over them, with and without a gradient, and writing to a parameter whose shards they hold.

On one process a sum is the identity.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from quantizers.uncompiled import uncompiled


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


@uncompiled
def write_to_shard(shards: Any, chosen: Tensor, values: Tensor) -> None:
    """Put `values` where `chosen` into this rank's shard of a sharded parameter (a `DTensor`); no communication.

    Args:
        shards: the parameter.
        chosen: bool; as `values` whole, of the parameter's shape, and equal on all ranks.
        values: what is to stand there.
    """
    from torch.distributed.tensor import DTensor, Replicate  # takes a while

    mesh, local = shards.device_mesh, shards.to_local()

    def shard_of(whole: Tensor) -> Tensor:
        replicated = DTensor.from_local(whole, mesh, [Replicate()] * mesh.ndim, run_check=False)
        return replicated.redistribute(placements=shards.placements).to_local().to(local.device)

    local.copy_(torch.where(shard_of(chosen), shard_of(values), local))


def require_own_storage(parameter: Tensor) -> None:
    """RuntimeError where what is written into a parameter would be lost: another tensor is kept in its place.

    Those are derived tensors (parts of the flat parameter of FullyShardedDataParallel, parametrizations) and the
    parameters of DeepSpeed, which bear one of two marks.
    """
    if not parameter.is_leaf or hasattr(parameter, "ds_id") or hasattr(parameter, "_hp_mapping"):
        raise RuntimeError(
            "a codebook's vectors are kept elsewhere than in their parameter (by FullyShardedDataParallel, DeepSpeed "
            "or a parametrization), so that the k-means start and replaced codes would be lost: shard with "
            "torch.distributed.fsdp.fully_shard, use vq-ema, or switch both off by kmeans_iterations=0 and "
            "dead_threshold=0"
        )


class _DifferentiableSum(torch.autograd.Function):
    """Sum over ranks. Every rank's loss depends on every rank's x, so gradients are summed as well."""

    @staticmethod
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
