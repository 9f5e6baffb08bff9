"""Batches are the same however they are loaded, and every test picture comes exactly once."""

import dataclasses
from pathlib import Path

import pytest
import torch

from benchmarks.data import Data, DataConfig, batches as module, open_data, test_batches, training_batches
from benchmarks.data.batches import worker_count


@pytest.fixture
def data(folder: Path) -> Data:
    return open_data(DataConfig(source=str(folder), image_size=32, min_crop=0.6))


def training(data: Data, start: int = 0, steps: int = 5, rank: int = 0, ranks: int = 1, seed: int = 1) -> torch.Tensor:
    return torch.stack(list(training_batches(data, 6, seed, start, steps, rank, ranks)))


def test_a_batch(data: Data) -> None:
    batches = training(data)
    assert batches.shape == (5, 6, 3, 32, 32)
    assert batches.dtype == torch.uint8
    assert len({picture.numpy().tobytes() for picture in batches.flatten(0, 1)}) == 30


def test_workers_change_nothing(data: Data) -> None:
    assert torch.equal(training(data), training(dataclasses.replace(data, workers=2)))


def test_resuming_changes_nothing(data: Data) -> None:
    assert torch.equal(training(data), torch.cat([training(data, 0, 2), training(data, 2, 3)]))


def test_ranks_change_nothing(data: Data) -> None:
    assert torch.equal(training(data), torch.cat([training(data, rank=rank, ranks=2) for rank in range(2)], dim=1))


def test_another_seed_gives_other_samples(data: Data) -> None:
    same = (training(data, seed=1) == training(data, seed=2)).flatten(2).all(-1)
    assert not same.any()


def test_loading_leaves_the_global_random_numbers_alone(data: Data) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    training(data)
    list(test_batches(data, 2))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("ranks", "batch_size"), [(1, 1), (1, 50), (2, 2), (3, 3), (5, 2)])
def test_every_test_picture_comes_once(data: Data, ranks: int, batch_size: int, workers: int) -> None:
    """Also with three pictures on two or five processes."""
    data = dataclasses.replace(data, workers=workers)
    seen: list[int] = []
    counts = []
    for rank in range(ranks):
        mine: list[int] = []
        for indices, batch in test_batches(data, batch_size, rank, ranks):
            assert len(indices) == len(batch) <= batch_size
            assert indices.dtype == torch.int64
            assert all(torch.equal(picture, data.test[index]) for index, picture in zip(indices, batch, strict=True))
            mine += indices.tolist()
        counts.append(len(mine))
        seen += mine
    assert seen == list(range(len(data.test)))
    assert max(counts) - min(counts) <= 1


def test_worker_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    monkeypatch.setattr(module, "cores", lambda: 4)
    assert worker_count(None, True, cpu) == 0
    assert worker_count(None, False, cpu) == worker_count(None, True, gpu) == worker_count(None, False, gpu) == 3
    assert worker_count(5, True, cpu) == 5
    monkeypatch.setattr(module, "cores", lambda: 64)
    assert worker_count(None, False, gpu) == 8
    monkeypatch.setattr(module, "cores", lambda: 1)
    assert worker_count(None, False, gpu) == 0
