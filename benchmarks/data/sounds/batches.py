"""Batches of training crops, and test sounds one after the other."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float32
from torch import Tensor

from benchmarks.data.batches import loader, worker_count
from benchmarks.data.sampling import TrainingSampler
from benchmarks.data.sounds.opening import SoundData, SoundTestData


def training_sounds(
    data: SoundData,
    batch_size: int,
    seed: int,
    start_step: int,
    steps: int,
    rank: int = 0,
    world_size: int = 1,
    device: torch.device | str = "cpu",
) -> Iterator[Float32[Tensor, "share channels crop"]]:
    """This process's part of `steps` global batches from `start_step` on, on the CPU (pinned for CUDA).

    Args:
        batch_size: crops of a global batch, over all processes.
        seed: decides every crop, see `benchmarks.data.sampling`.
        start_step: first batch; a run that is resumed skips the ones before.
        steps: how many batches to give.
        device: where the batches will be used.
    """
    device = torch.device(device)
    sampler = TrainingSampler(len(data.train), batch_size, seed, start_step, steps, rank, world_size)
    workers = worker_count(data.workers, data.train.decoded is not None, device)
    return iter(loader(data.train, sampler, workers, pin_memory=device.type == "cuda"))


def test_sounds(
    data: SoundTestData,
    rank: int = 0,  # noqa: PT028  (no test, though its name begins so)
    world_size: int = 1,  # noqa: PT028
) -> Iterator[tuple[int, Float32[Tensor, "channels _n"]]]:
    """(place, sound) of this process's part of the test set, in order. The parts of all processes hold every sound
    exactly once; their sizes differ by at most one."""
    first, last = (part * len(data.test) // world_size for part in (rank, rank + 1))
    for place in range(first, last):
        yield place, data.test[place]


test_sounds.__test__ = False  # type: ignore[attr-defined]  # pytest: no test, though its name begins so
