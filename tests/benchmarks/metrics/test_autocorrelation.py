"""Autocorrelation of textures, beside sums over all pairs of places."""

import numpy as np
import pytest
import torch

from benchmarks.metrics.autocorrelation import autocorrelation, distance


def test_it_is_the_mean_over_all_pairs_of_places() -> None:
    pictures = torch.randint(0, 256, (3, 3, 6, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    grey = pictures.double().mean(1).numpy()
    x = grey - grey.mean()
    expected = np.empty((4, 9))
    for down in range(4):
        for across in range(-4, 5):
            here, there = x[:, : 6 - down], x[:, down:]
            here = here[:, :, max(0, -across) : 8 - max(0, across)]
            there = there[:, :, max(0, across) : 8 + min(0, across)]
            expected[down, across + 4] = (here * there).mean() / (x * x).mean()
    np.testing.assert_allclose(autocorrelation(pictures).numpy(), expected, atol=1e-12)


def test_stripes_come_again_at_their_period_and_nothing_else_does() -> None:
    stripes = (torch.arange(32) % 8 < 4).mul(255).to(torch.uint8).expand(2, 3, 16, 32)
    found = autocorrelation(stripes)
    assert found.shape == (9, 33)
    np.testing.assert_allclose(found[:, 16 + 8].numpy(), 1, atol=1e-9)
    np.testing.assert_allclose(found[:, 16 + 4].numpy(), -1, atol=1e-9)
    turned = stripes.transpose(2, 3)[:, :, :16].repeat(1, 1, 1, 2)
    assert distance(stripes, stripes) == 0
    assert distance(stripes, turned) > 0.5


def test_a_flat_picture_is_like_itself_alone() -> None:
    found = autocorrelation(torch.full((1, 3, 8, 8), 7, dtype=torch.uint8))
    assert found.sum() == found[0, 4] == 1
    with pytest.raises(ValueError, match="no picture"):
        autocorrelation(torch.zeros(0, 3, 8, 8))
