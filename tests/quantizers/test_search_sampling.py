"""Codes drawn from a softmax over distances: the law they follow, and what the draws must not depend on."""

import pytest
import torch
from scipy.stats import chisquare

from quantizers import search
from quantizers.search import nearest_codes, sample_codes


@pytest.mark.parametrize("temperature", [0.3, torch.tensor(2.0)])
def test_samples_follow_the_softmax(temperature):
    torch.manual_seed(0)
    rows, codes = torch.randn(3, 4) + 5, torch.randn(9, 4) + 5
    draws = sample_codes(rows.repeat_interleave(20000, 0), codes, temperature).view(3, 20000)
    probabilities = torch.softmax(-torch.cdist(rows.double(), codes.double()).square() / temperature, 1)
    for row_draws, p in zip(draws, probabilities, strict=True):
        expected = 20000 * p
        likely = expected >= 5  # the chi-square law needs some of each; the rare ones are pooled
        observed = torch.bincount(row_draws, minlength=9).double()
        pooled = [torch.cat([x[likely], x[~likely].sum()[None]]) for x in (observed, expected)]
        observed, expected = (x if pooled[1][-1] > 0 else x[:-1] for x in pooled)
        assert chisquare(observed.numpy(), expected.numpy()).pvalue > 1e-4


def test_draws_do_not_depend_on_the_tile_height(monkeypatch):
    rows, codes = torch.randn(300, 5), torch.randn(70, 5)
    drawn = []
    for scores in (2**22, 70 * 17, 1):
        monkeypatch.setattr(search, "SAMPLED_SCORES", scores)
        torch.manual_seed(3)
        drawn.append(sample_codes(rows, codes, 1.0))
    assert torch.equal(drawn[0], drawn[1])
    assert torch.equal(drawn[0], drawn[2])


@pytest.mark.parametrize("temperature", [0, 0.0, torch.tensor(0.0)])
def test_temperature_zero_gives_the_nearest_code(temperature):
    rows, codes = torch.randn(100, 5), torch.randn(70, 5)
    assert torch.equal(sample_codes(rows, codes, temperature), nearest_codes(rows, codes))


def test_samples_under_autocast_and_of_inputs_with_a_gradient():
    rows, codes = torch.randn(200, 16, requires_grad=True), torch.randn(50, 16, requires_grad=True)
    drawn = []
    for autocast in (False, True):
        torch.manual_seed(3)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            drawn.append(sample_codes(rows, codes, 1.0))
    assert torch.equal(*drawn)
    assert not drawn[0].requires_grad
    assert sample_codes(rows[:0], codes, 1.0).shape == (0,)


@pytest.mark.parametrize("temperature", [-1.0, float("nan"), float("inf"), torch.tensor(-1.0)])
def test_bad_temperature(temperature):
    with pytest.raises(ValueError, match="temperature"):
        sample_codes(torch.randn(2, 3), torch.randn(4, 3), temperature)
