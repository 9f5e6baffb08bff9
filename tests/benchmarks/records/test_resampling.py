"""The resamples of a test set: the same for all runs, and truly drawn with replacement."""

import numpy as np

from benchmarks.records.resampling import RESAMPLES, draws, resampled_metrics


def test_each_resample_is_as_large_as_the_test_set_and_the_same_for_all():
    counts = draws(50)
    assert counts.shape == (RESAMPLES, 50)
    assert (counts.sum(1) == 50).all()
    np.testing.assert_array_equal(draws(50), counts)
    np.testing.assert_array_equal(draws(50, 7), counts[:7])


def test_a_mean_over_resamples_spreads_as_theory_says():
    """The standard deviation of the mean of n numbers over bootstrap resamples is sigma / sqrt(n)."""
    values = np.random.default_rng(0).standard_normal(400)
    means = draws(400, 4000) @ values / 400
    np.testing.assert_allclose(means.std(), values.std() / 20, rtol=0.05)


def test_one_picture_says_nothing_of_others():
    for values, known in ((np.array([20.0]), False), (np.array([20.0, 20.0]), True)):
        found = resampled_metrics({"image/psnr": values, "resampled/swd": np.full(RESAMPLES, 3.0)})
        assert found.keys() == {"psnr", "swd"}
        assert all(np.isfinite(each).all() == known for each in found.values())
