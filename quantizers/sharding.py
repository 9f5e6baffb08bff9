"""Writing into parameters that somebody else keeps: in shards, one for each rank, or in another tensor's place."""

from typing import Any

import torch
from torch import Tensor

from quantizers.uncompiled import uncompiled


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
