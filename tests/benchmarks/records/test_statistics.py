"""Intervals and tests on made data whose truth is known."""

import tracemalloc

import numpy as np
import pytest
from scipy import stats

from benchmarks.records.resampling import draws
from benchmarks.records.statistics import (
    Correlation,
    Measured,
    adjust,
    best,
    differences,
    half_widths,
    means,
    rank_correlation,
    wins,
)


def made_row(
    generator: np.random.Generator,
    quality: float,
    pictures: np.ndarray,
    seeds: int = 3,
    seed_spread: float = 0.3,
    noise: float = 0.5,
) -> Measured:
    """A row whose per-picture values are quality + picture + seed + noise."""
    count = len(pictures)
    values = quality + pictures + seed_spread * generator.standard_normal((seeds, 1))
    values = values + noise * generator.standard_normal((seeds, count))
    return Measured(values.mean(1), draws(count) @ values.mean(0) / count)


def test_an_interval_covers_the_truth_as_often_as_it_says():
    """Over new seeds and new pictures, with few seeds: 95 % within what 1000 trials can tell."""
    generator = np.random.default_rng(0)
    rows = [made_row(generator, 20.0, 2 * generator.standard_normal(60)) for _ in range(1000)]
    covered = np.mean(np.abs(means(rows) - 20) <= half_widths(rows))
    assert 0.93 < covered < 0.985


@pytest.mark.parametrize("seeds", [3, 5])
def test_equal_rows_are_told_apart_in_at_most_one_table_of_twenty(seeds):
    """Whatever the sources of spread: seeds alone, pictures alone, both."""
    generator = np.random.default_rng(seeds)
    for seed_spread, noise in ((0.3, 0.5), (0.0, 2.0), (0.5, 0.01)):
        false = 0
        for _ in range(300):
            pictures = 2 * generator.standard_normal(50)
            rows = [made_row(generator, 20.0, pictures, seeds, seed_spread, noise) for _ in range(5)]
            false += wins(rows, higher_is_better=True).any()
        assert false / 300 < 0.05 + 2 * (0.05 * 0.95 / 300) ** 0.5


def test_a_true_difference_is_found_and_pairing_is_what_finds_it():
    """Pictures differ by more than rows: unpaired, the difference would drown."""
    generator = np.random.default_rng(0)
    pictures = 5 * generator.standard_normal(100)
    rows = [made_row(generator, quality, pictures, seed_spread=0.02, noise=0.1) for quality in (20.0, 20.5)]
    assert half_widths(rows).min() > 0.5
    assert wins(rows, higher_is_better=True).tolist() == [[False, False], [True, False]]
    assert wins(rows, higher_is_better=False).tolist() == [[False, True], [False, False]]
    found = differences(rows)
    assert found.estimate[1, 0] == pytest.approx(0.5, abs=found.half_width[1, 0])


def test_with_seeds_alone_it_is_welchs_test():
    a, b = np.array([18.0, 18.5, 19.0]), np.array([18.9, 19.3, 19.1, 19.4])
    rows = [Measured(each, np.zeros(100)) for each in (a, b)]
    assert differences(rows).p[0, 1] == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue)
    low, high = stats.t.interval(0.95, 2, a.mean(), stats.sem(a))
    assert half_widths(rows)[0] == pytest.approx((high - low) / 2)


def test_without_training_only_pictures_count():
    values = np.random.default_rng(0).standard_normal((2, 400))
    rows = [Measured(each[:1] * 0 + each.mean(), draws(400) @ each / 400, trained=False) for each in values]
    expected = stats.t.ppf(0.975, 99) * values.std(1) / 20
    np.testing.assert_allclose(half_widths(rows), expected, rtol=0.25)  # of 100 resamples
    assert differences(rows).p[0, 1] == pytest.approx(stats.ttest_rel(*values).pvalue, abs=0.15)


def test_two_seeds_and_missing_resamples_give_no_verdict():
    known = made_row(np.random.default_rng(0), 20.0, np.zeros(30))
    two_seeds = Measured(np.array([90.0, 90.0]), known.resampled)
    no_pictures = Measured(np.array([90.0, 90.0, 90.0]), None)
    for row in (two_seeds, no_pictures):
        assert np.isnan(half_widths([row])).all()
        assert np.isnan(differences([known, row]).p[0, 1])
        assert not wins([known, row], higher_is_better=True).any()
        assert best([known, row], higher_is_better=True).tolist() == [False, False]


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg():
    p = np.full((4, 4), np.nan)
    raw = np.array([0.001, 0.04, 0.03, 0.2, 0.5])  # five known pairs of six
    p[np.triu_indices(4, 1)] = [*raw, np.nan]
    found = adjust(p)[np.triu_indices(4, 1)]
    order = np.sort(raw)
    expected = [min(order[j] * 5 / (j + 1) for j in range(i, 5)) for i in range(5)]
    np.testing.assert_allclose(np.sort(found[:5]), expected)
    assert np.isnan(found[5])
    assert (adjust(p)[2, 0] == adjust(p)[0, 2]).all()


def test_the_best_is_among_those_that_it_cannot_be_told_from():
    generator = np.random.default_rng(1)
    pictures = generator.standard_normal(100)
    rows = [made_row(generator, quality, pictures, seed_spread=0.05, noise=0.1) for quality in (20.0, 20.01, 10.0)]
    assert best(rows, higher_is_better=True).tolist() == [True, True, False]
    assert best(rows, higher_is_better=False).tolist() == [False, False, True]
    empty = Measured(np.array([np.nan, np.nan]), None)
    assert best([*rows, empty], higher_is_better=True).tolist() == [True, True, False, False]
    assert not best([empty, empty], higher_is_better=True).any()
    one_seed = Measured(np.array([15.0]), rows[0].resampled)
    assert best([*rows, one_seed], higher_is_better=True).tolist() == [True, True, False, False]
    better = Measured(np.array([25.0]), rows[0].resampled)
    assert not best([*rows, better], higher_is_better=True).any()


def test_rows_without_any_spread():
    rows = [Measured(np.full(3, value), np.full(100, value)) for value in (1.0, 1.0, 2.0)]
    p = differences(rows).p
    assert p[0, 1] == 1
    assert p[0, 2] == 0


def test_very_many_rows_without_resamples_take_no_memory_of_their_pairs():
    rows = [Measured(np.array([float(number)] * 3), None) for number in range(5000)]
    tracemalloc.start()
    told = best(rows, True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not told.any()
    assert peak < 10e6  # one matrix of all pairs has 200 MB


def test_a_rank_correlation_is_that_of_scipy_and_its_interval_knows_seeds_and_pictures() -> None:
    generator = np.random.default_rng(0)
    means = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    still = [np.full((1, 100), mean) for mean in means]
    shuffled = [np.full((1, 100), mean) for mean in means[[1, 0, 2, 4, 3, 5]]]
    expected = stats.spearmanr(means, means[[1, 0, 2, 4, 3, 5]]).statistic
    assert rank_correlation(still, shuffled) == pytest.approx((expected,) * 3)  # nothing else could come out
    seeds = [np.repeat(mean + 2 * generator.standard_normal((3, 1)), 100, 1) for mean in means]
    pictures = [mean + 2 * generator.standard_normal((1, 100)) for mean in means]
    for noisy in (seeds, pictures):
        found = rank_correlation(still, noisy)
        assert -1 <= found.low < found.high <= 1
        assert found.low <= found.estimate <= found.high
    assert str(Correlation(0.5, -0.25, 1)) == "0.50 (-0.25 to 1.00)"
