"""What codes cost in bits, against probabilities written out and against files."""

import math

import numpy as np
import pytest
import torch
from small_priors import LAYOUTS, make, random_tokens

from priors.code_models import CodeModel, CodePrior, FixedLength, Histogram
from priors.entropy_coding import Writer
from priors.information import information, information_in_float
from quantizers import create_quantizer

QUANTIZER = create_quantizer("vq", dim=3, codebook_size=5)
"""Of the layout "plain"."""


def _written(model: CodeModel, codes: list[torch.Tensor]) -> int:
    writer = Writer()
    model.code(writer, codes, [QUANTIZER] * len(codes), len(codes[0]), [found.shape[2:] for found in codes])
    return 8 * len(writer.to_bytes())


def test_equal_probabilities_cost_the_logarithm_of_their_number() -> None:
    codes = torch.arange(24).view(1, 1, 4, 6) % 5
    assert information(FixedLength(), [codes], [QUANTIZER]) == pytest.approx(24 * math.log2(5))


def test_large_alphabets_cost_no_more_than_their_digits() -> None:
    quantizer = create_quantizer("lfq", bits=20)
    codes = torch.tensor([0, 2**20 - 1, 12345]).view(1, 1, 3)
    assert information(FixedLength(), [codes], [quantizer]) == pytest.approx(60)


def test_a_histogram_costs_the_logarithm_of_each_share() -> None:
    counts = np.array([[7, 0, 3, 1, 9]])
    codes = torch.tensor([0, 0, 2, 4, 1, 3]).view(1, 1, 2, 3)
    shares = (counts[0] + 0.5) / (counts[0] + 0.5).sum()
    expected = -np.log2(shares[codes.flatten().numpy()]).sum()
    assert information(Histogram(counts), [codes], [QUANTIZER]) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["gpt", "maskgit"])
def test_a_prior_costs_hardly_less_than_what_is_written(name: str) -> None:
    prior = make(name, LAYOUTS["plain"])
    codes = torch.randint(5, (1, 1, 14, 21), generator=torch.Generator().manual_seed(0))
    model = CodePrior(prior, steps=3)
    bits = information(model, [codes], [QUANTIZER])
    assert bits <= _written(model, [codes]) <= 1.001 * bits + 16


def test_in_float_it_is_the_priors_own_likelihood_of_whole_windows() -> None:
    prior = make("gpt", LAYOUTS["plain"])
    tokens = random_tokens(prior.layout, 6)
    codes = prior.layout.to_codes(tokens)
    nats = prior.nll(tokens)
    assert information_in_float(prior, codes, batch=4) == pytest.approx(nats.sum().item() / math.log(2), rel=1e-6)
    assert information(CodePrior(prior), codes, [QUANTIZER]) == pytest.approx(nats.sum().item() / math.log(2), rel=1e-3)


def test_what_lies_beyond_the_edge_costs_nothing() -> None:
    prior = make("gpt", LAYOUTS["plain"])
    codes = torch.randint(5, (1, 1, 3, 4), generator=torch.Generator().manual_seed(0))  # windows are 2 x 3
    fixed, in_float = information(CodePrior(prior), [codes], [QUANTIZER]), information_in_float(prior, [codes])
    assert in_float == pytest.approx(fixed, rel=1e-3)
    assert in_float < 14 * 12  # in a wide margin of 12 codes' worth, not of 24
