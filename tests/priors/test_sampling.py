"""What is drawn from logits, against the definitions."""

import math

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from priors import Sampling
from priors.sampling import draw, filter_logits, guided

LOGITS = torch.log(torch.tensor([[0.1, 0.4, 0.2, 0.3], [0.7, 0.1, 0.15, 0.05]]))


def kept(sampling: Sampling) -> list[list[int]]:
    return [row.isfinite().nonzero().flatten().tolist() for row in filter_logits(LOGITS, sampling)]


def test_the_defaults_change_nothing() -> None:
    assert torch.equal(filter_logits(LOGITS, Sampling()), LOGITS)


def test_temperature_divides() -> None:
    torch.testing.assert_close(filter_logits(LOGITS, Sampling(temperature=0.5)), LOGITS * 2)


def test_top_k() -> None:
    assert kept(Sampling(top_k=2)) == [[1, 3], [0, 2]]
    assert kept(Sampling(top_k=1)) == [[1], [0]]
    assert kept(Sampling(top_k=9)) == [[0, 1, 2, 3]] * 2
    some = filter_logits(LOGITS, Sampling(top_k=2))
    assert torch.equal(some[some.isfinite()], torch.cat([LOGITS[0, [1, 3]], LOGITS[1, [0, 2]]]))


def test_equal_logits_are_still_only_k() -> None:
    assert filter_logits(torch.zeros(1, 5), Sampling(top_k=2)).isfinite().sum() == 2


def test_top_p_is_the_fewest_that_reach_it() -> None:
    assert kept(Sampling(top_p=0.65)) == [[1, 3], [0]]
    assert kept(Sampling(top_p=0.75)) == [[1, 2, 3], [0, 2]]
    assert kept(Sampling(top_p=1e-9)) == [[1], [0]]
    assert kept(Sampling(top_p=1.0)) == [[0, 1, 2, 3]] * 2
    # of the two that top-k leaves, the first has 0.4 / 0.7
    assert kept(Sampling(top_k=2, top_p=0.5)) == [[1], [0]]
    # the temperature comes first: 0.4² / 0.3
    assert kept(Sampling(temperature=0.5, top_p=0.5)) == [[1], [0]]


def test_guidance() -> None:
    conditional, unconditional = torch.tensor([1.0, 2.0]), torch.tensor([0.5, 4.0])
    assert guided(conditional, unconditional, 1.0).tolist() == [1.0, 2.0]
    assert guided(conditional, unconditional, 0.0).tolist() == [0.5, 4.0]
    assert guided(conditional, unconditional, 3.0).tolist() == [0.5 + 3 * 0.5, 4.0 - 3 * 2.0]


def test_guidance_leaves_the_impossible_impossible() -> None:
    row = torch.tensor([0.0, -math.inf])
    assert guided(row, row, 2.0).tolist() == [0.0, -math.inf]


@pytest.mark.parametrize("logits", [LOGITS, filter_logits(LOGITS, Sampling(top_k=2))])
def test_draws_have_the_probabilities(logits: Tensor) -> None:
    drawn = draw(logits.expand(20000, 2, 4), torch.Generator().manual_seed(0))
    for row, p in zip(drawn.T, logits.softmax(-1), strict=True):
        counts = row.bincount(minlength=4).numpy()
        expected = 20000 * p.numpy()
        assert (counts[expected == 0] == 0).all()
        assert chisquare(counts[expected > 0], expected[expected > 0], sum_check=False).pvalue > 0.001


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.0}, "temperature must be above 0; take top_k=1"),
        ({"temperature": math.nan}, "temperature must be a number from 1e-06"),
        ({"top_k": 0}, "top_k must be an integer from 1"),
        ({"top_p": 0.0}, "top_p must be above 0"),
        ({"top_p": 1.5}, "top_p must be a number from 0 to 1"),
        ({"guidance": -1.0}, "guidance must be"),
        ({"steps": 0}, "steps must be"),
        ({"choice_temperature": -1.0}, "choice_temperature must be"),
    ],
)
def test_bad_sampling(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sampling(**options)
