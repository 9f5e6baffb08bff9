"""Batches of pictures, sounds or clips, loaded by as many processes as the data and the device call for."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Protocol

import torch
from jaxtyping import Int64, Shaped, UInt8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from benchmarks.data.machine import cores
from benchmarks.data.opening import EvaluationData
from benchmarks.data.pairs import PicturePairs
from benchmarks.data.sampling import SampleKey, TrainingSampler


class TrainingItems(Protocol):
    """What is trained on: an item for each sample key, and whether memory holds them."""

    @property
    def decoded(self) -> object | None:
        """None where they are decoded whenever they are needed."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: SampleKey) -> Tensor: ...


class TrainingData(Protocol):
    """Of any signal."""

    @property
    def train(self) -> TrainingItems:
        """The items."""

    @property
    def workers(self) -> int | None:
        """Loading processes asked for; None: by rule."""


def training_batches(
    data: TrainingData,
    batch_size: int,
    seed: int,
    start_step: int,
    steps: int,
    rank: int = 0,
    world_size: int = 1,
    device: torch.device | str = "cpu",
) -> Iterator[Shaped[Tensor, "share ..."]]:
    """This process's part of `steps` global batches from `start_step` on, on the CPU (pinned for CUDA): of pictures
    uint8 (share, 3, size, size), of sounds float32 (share, channels, crop), of films uint8 (share, 3, frames, size,
    size).

    Args:
        data: `open_data`'s, `open_sounds`' or `open_films`'.
        batch_size: crops of a global batch, over all processes.
        seed: decides every sample, see `sampling`.
        start_step: first batch; a run that is resumed skips the ones before.
        steps: how many batches to give.
        device: where the batches will be used.
    """
    device = torch.device(device)
    sampler = TrainingSampler(len(data.train), batch_size, seed, start_step, steps, rank, world_size)
    workers = worker_count(data.workers, data.train.decoded is not None, device)
    return iter(_loader(data.train, sampler, workers, pin_memory=device.type == "cuda"))


def test_batches(
    data: EvaluationData,
    batch_size: int,
    rank: int = 0,  # noqa: PT028  (no test, though its name begins so)
    world_size: int = 1,  # noqa: PT028
    done: int = 0,  # noqa: PT028
) -> Iterator[tuple[Int64[Tensor, " batch"], UInt8[Tensor, "batch 3 h w"]]]:
    """(numbers, pictures) of this process's part of the test set, in order, at most `batch_size` at a time.

    The parts of all processes hold every picture exactly once; their sizes differ by at most one. The first `done`
    pictures of the part are left out.
    """
    numbers = _part(len(data.test), batch_size, rank, world_size, done)
    workers = worker_count(data.workers, data.test.crops is not None, torch.device("cpu"))
    for indices, batch in zip(numbers, _loader(data.test, numbers, workers), strict=True):
        yield torch.tensor(indices), batch


def chosen_batches(data: EvaluationData, batches: Sequence[Sequence[int]]) -> Iterator[UInt8[Tensor, "batch 3 h w"]]:
    """The test pictures of these numbers, a batch for each list of them."""
    workers = worker_count(data.workers, data.test.crops is not None, torch.device("cpu"))
    return iter(_loader(data.test, batches, workers))


def pair_batches(
    pairs: PicturePairs, batch_size: int, rank: int = 0, world_size: int = 1, done: int = 0
) -> Iterator[tuple[Int64[Tensor, " batch"], UInt8[Tensor, "batch 2 3 h w"]]]:
    """(numbers, originals and reconstructions), as `test_batches`, but one size after the other: a batch is of one."""
    places = sorted(range(len(pairs)), key=pairs.sizes.__getitem__)
    own = [places[number] for numbers in _part(len(pairs), 1, rank, world_size, done) for number in numbers]
    same_size = (list(group) for _, group in groupby(own, key=pairs.sizes.__getitem__))
    numbers = [group[at : at + batch_size] for group in same_size for at in range(0, len(group), batch_size)]
    workers = worker_count(None, False, torch.device("cpu"))
    for indices, batch in zip(numbers, _loader(pairs, numbers, workers), strict=True):
        yield torch.tensor(indices), batch


def _part(count: int, batch_size: int, rank: int, world_size: int, done: int) -> list[list[int]]:
    first, last = (part * count // world_size for part in (rank, rank + 1))
    return [list(range(start, min(start + batch_size, last))) for start in range(first + done, last, batch_size)]


test_batches.__test__ = False  # type: ignore[attr-defined]  # pytest: no test, though its name begins so


def worker_count(asked: int | None, in_memory: bool, device: torch.device) -> int:
    """Loading processes: what was asked for, or else by rule.

    None for decoded pictures on a CPU: cropping them costs a few per cent of a training step, and a process
    would only take a core away. Otherwise the cores left over, at most 8.
    """
    if asked is not None:
        return asked
    if in_memory and device.type == "cpu":
        return 0
    return min(8, cores() - 1)


def _loader(
    items: Dataset[Any] | TrainingItems,
    batches: TrainingSampler | Sequence[Sequence[int]],
    workers: int,
    pin_memory: bool = False,
) -> DataLoader[Any]:
    """Batches of these items, loaded by so many processes; what they draw leaves all other random numbers alone."""
    return DataLoader(
        items,  # type: ignore[arg-type]  # what has items and a length will do
        batch_sampler=batches,  # type: ignore[arg-type]  # any iterable of lists of keys will do
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        pin_memory=pin_memory,
        worker_init_fn=_leave_interrupts_to_the_main_process,
        # Forked processes share the decoded pictures; spawned ones would each get a copy.
        multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
        # Its own generator: a loader would otherwise draw the workers' seeds (torch's, numpy's and Python's)
        # from torch's global one, and a run with an evaluation in between would go on with other numbers.
        generator=torch.Generator().manual_seed(0),
    )


def _leave_interrupts_to_the_main_process(_: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
