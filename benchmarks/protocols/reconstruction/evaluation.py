"""The reconstruction protocol: a tokenizer and a test set in, every metric out.

`protocols/reconstruction.md` says what each number means; its version is stored with every number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import torch
import torch.distributed as dist

from autoencoders import Tokenizer
from benchmarks.metrics.device import full_float32, measuring_device
from benchmarks.metrics.weights import MetricWeights
from benchmarks.protocols.outcome import outcome
from benchmarks.protocols.reconstruction.combining import combine
from benchmarks.protocols.reconstruction.measured import Evaluation
from benchmarks.protocols.reconstruction.pairs import Batches, Pairs, reconstructed
from benchmarks.protocols.reconstruction.parts import PartStore
from benchmarks.protocols.reconstruction.references import References
from benchmarks.protocols.reconstruction.share import measure_share
from quantizers import Quantizer


@torch.no_grad()
def evaluate(
    tokenizer: Tokenizer,
    batches: Batches,
    *,
    device: torch.device | str,
    rank: int = 0,
    world_size: int = 1,
    weights: MetricWeights,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Measure a tokenizer under the reconstruction protocol: crops, tokenizer, rounding to 8 bits, metrics.

    Every rank calls it with its share of the test set and gets the same result, which depends neither on the
    batch size nor on the number of ranks (beyond rounding of the network's own arithmetic).

    Args:
        tokenizer: On `device`, in eval mode, in float32.
        batches: (places in the test set, 8-bit pictures); all of one size, and each picture on one rank once.
        weights: Files for LPIPS and rFID; what is absent leaves its metric None with the reason.
        progress: Called on each rank with the number of pictures of every batch done.

    Raises:
        ValueError: tokenizer in training mode, no picture, a picture twice, or a reconstruction that is not
            finite. Raised on all ranks.
    """
    pairs = reconstructed(tokenizer, batches, torch.device(device))
    return evaluate_pairs(
        pairs,
        tokenizer.quantizers,
        device=device,
        rank=rank,
        world_size=world_size,
        weights=weights,
        progress=progress,
    )


@torch.no_grad()
def evaluate_pairs(
    pairs: Iterable[Pairs],
    quantizers: Sequence[Quantizer],
    *,
    device: torch.device | str,
    rank: int = 0,
    world_size: int = 1,
    weights: MetricWeights,
    progress: Callable[[int], None] | None = None,
    store: PartStore | None = None,
    references: References | None = None,
    crop: tuple[int, int] | None = None,
) -> Evaluation:
    """Measure reconstructions beside their originals; otherwise as `evaluate`.

    Args:
        pairs: This rank's share of the pictures; after the first `store.pictures` of it where there is a store.
        quantizers: Of the code maps, one for each; none where there are pictures alone.
        store: Where finished parts are kept, so that a pass that is killed goes on.
        references: The originals' Inception features, if they are known already; else they are kept there.
        crop: Height and width that all pictures have at least: metrics of sets take the central part of that size.
            Needed where batches differ in size; without it all pictures are of one.
    """
    if world_size > 1 and not dist.is_initialized():
        raise ValueError(f"evaluate() got world_size={world_size}, but torch.distributed is not initialised")
    device = torch.device(device)
    with full_float32():
        share = outcome(measure_share, pairs, quantizers, device, weights, progress, store, references, crop)
        shares = _gather(share, rank, world_size)
        whole = shares and outcome(combine, shares, quantizers, measuring_device(device), references)
    evaluation = _broadcast(whole, world_size)
    if isinstance(evaluation, ValueError):
        raise evaluation
    return cast(Evaluation, evaluation)


def _gather(share: Any, rank: int, world_size: int) -> list[Any] | None:
    """All ranks' shares on rank 0, None elsewhere."""
    if world_size == 1:
        return [share]
    shares = [None] * world_size if rank == 0 else None
    dist.gather_object(share, shares, dst=0)
    return shares


def _broadcast(outcome: Any, world_size: int) -> Any:
    if world_size == 1:
        return outcome
    outcomes = [outcome]
    dist.broadcast_object_list(outcomes, src=0)
    return outcomes[0]
