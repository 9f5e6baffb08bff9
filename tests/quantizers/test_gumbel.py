"""The discrete VAE from its paper's equations."""

import math

import pytest
import torch
from torch.distributions import Categorical, kl_divergence

from quantizers import create_quantizer
from quantizers.gumbel import gumbel_noise


@pytest.fixture
def quantizer():
    torch.manual_seed(0)
    return create_quantizer("gumbel", dim=5, codebook_size=12, kl_weight=0.3)


def test_training_output_is_the_relaxed_sample(quantizer):
    quantizer.anneal(0.4)
    z = torch.randn(7, 5)
    torch.manual_seed(3)
    out = quantizer(z)
    torch.manual_seed(3)
    uniform = torch.rand(7, 12)
    logits = z @ quantizer.project.weight.T + quantizer.project.bias
    noisy = logits - torch.log(-torch.log(uniform))
    weights = (noisy / quantizer.temperature).exp()
    weights = weights / weights.sum(1, keepdim=True)
    torch.testing.assert_close(out.quantized, weights @ quantizer.embedding)
    assert torch.equal(out.codes.squeeze(1), noisy.argmax(1))


def test_loss_is_the_divergence_from_uniform(quantizer):
    z = torch.randn(7, 5)
    logits = z @ quantizer.project.weight.T + quantizer.project.bias
    expected = kl_divergence(Categorical(logits=logits), Categorical(logits=torch.zeros(12))).mean()
    torch.testing.assert_close(quantizer(z).loss, 0.3 * expected)


def test_eval_takes_the_largest_logit(quantizer):
    z = torch.randn(7, 5)
    codes = quantizer.eval()(z).codes
    assert torch.equal(codes.squeeze(1), quantizer.project(z).argmax(1))


def test_temperature_follows_half_a_cosine(quantizer):
    for progress, expected in {0: 1.0, 0.5: (1 + 1 / 16) / 2, 1: 1 / 16}.items():
        quantizer.anneal(progress)
        assert quantizer.temperature.item() == pytest.approx(expected)
    with pytest.raises(ValueError, match="progress"):
        quantizer.anneal(1.5)


def test_codes_while_training_are_samples_of_the_softmax(quantizer):
    z = torch.randn(1, 5).expand(20_000, 5)
    frequencies = torch.bincount(quantizer(z).codes.flatten(), minlength=12) / 20_000
    expected = torch.softmax(quantizer.project(z[:1]), 1)[0]
    assert (frequencies - expected).abs().max() < 5 * math.sqrt(0.25 / 20_000)


def test_noise_is_finite_where_the_uniform_is_zero(monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.zeros(shape))
    assert gumbel_noise(torch.zeros(3, 4)).isfinite().all()
