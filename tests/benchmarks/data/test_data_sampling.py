"""Samples are functions of the seed and of their number alone."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from benchmarks.data.sampling import TrainingSampler, crop_random, sample_keys

pictures = st.integers(1, 50)
seeds = st.integers(0, 2**32)


def keys(sampler: TrainingSampler) -> list:
    return list(chain.from_iterable(sampler))


@settings(deadline=None)  # other tests may share the cores
@given(pictures, seeds, st.integers(0, 3))
def test_each_epoch_shows_every_picture_once(count: int, seed: int, epoch: int) -> None:
    shown = [key.item for key in sample_keys(count, seed, range(epoch * count, (epoch + 1) * count))]
    assert sorted(shown) == list(range(count))


@settings(deadline=None)
@given(pictures, seeds, st.integers(1, 6), st.integers(0, 10), st.integers(0, 10))
def test_resuming_goes_on_where_the_run_stopped(count: int, seed: int, batch: int, done: int, left: int) -> None:
    whole = keys(TrainingSampler(count, batch, seed, 0, done + left))
    first = keys(TrainingSampler(count, batch, seed, 0, done))
    assert first + keys(TrainingSampler(count, batch, seed, done, left)) == whole
    assert [key.number for key in whole] == list(range(batch * (done + left)))


@settings(deadline=None)
@given(pictures, seeds, st.integers(1, 4), st.integers(1, 4), st.integers(0, 5))
def test_ranks_share_each_global_batch(count: int, seed: int, share: int, ranks: int, start: int) -> None:
    batch = share * ranks
    whole = list(TrainingSampler(count, batch, seed, start, 3))
    parts = [list(TrainingSampler(count, batch, seed, start, 3, rank, ranks)) for rank in range(ranks)]
    assert [list(chain.from_iterable(step)) for step in zip(*parts, strict=True)] == whole


def test_seeds_epochs_and_samples_differ() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return [key.item for key in sample_keys(50, seed, range(50 * epoch, 50 * (epoch + 1)))]

    orders = {tuple(order(seed, epoch)) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16
    draws = {crop_random(key).random() for seed in range(4) for key in sample_keys(5, seed, range(40))}
    assert len(draws) == 160


def test_orders_and_crops_are_even() -> None:
    """Each picture is as likely at each place, and crops' numbers are uniform."""
    first = np.bincount([next(sample_keys(4, seed, [0])).item for seed in range(800)], minlength=4)
    assert first.min() > 150  # 200 expected, standard deviation 12
    draws = [crop_random(key).random() for key in sample_keys(4, 0, range(2000))]
    assert abs(np.mean(draws) - 0.5) < 0.03
    assert abs(np.var(draws) - 1 / 12) < 0.01


def test_uneven_shares_and_negative_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="global batch of 8 cannot be divided evenly over 3 processes"):
        TrainingSampler(10, 8, 0, 0, 1, 0, 3)
    with pytest.raises(ValueError, match="seed must be 0 or more, got -1"):
        TrainingSampler(10, 8, -1, 0, 1)
