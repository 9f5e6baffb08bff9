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


def test_temperature_falls_until_it_is_said_to():
    quantizer = create_quantizer("gumbel", dim=2, codebook_size=4, temperature_until=0.05)
    for progress, expected in {0: 1.0, 0.025: (1 + 1 / 16) / 2, 0.05: 1 / 16, 0.8: 1 / 16}.items():
        quantizer.anneal(progress)
        assert quantizer.temperature.item() == pytest.approx(expected)


def test_kl_weight_rises_by_half_a_cosine_and_stays():
    torch.manual_seed(0)
    quantizer = create_quantizer("gumbel", dim=5, codebook_size=12, kl_weight=0.3, kl_warmup=0.2)
    z = torch.randn(7, 5)
    assert quantizer(z).loss.item() == 0
    shares = {0: 0, 0.05: (1 - math.cos(math.pi / 4)) / 2, 0.1: 0.5, 0.2: 1, 0.7: 1, 1: 1}
    for progress, share in shares.items():
        quantizer.anneal(progress)
        out = quantizer(z)
        assert out.loss.item() == pytest.approx(0.3 * share * float(out.stats["kl"]), abs=1e-7)


def test_without_a_warmup_the_weight_is_there_from_the_start(quantizer):
    z = torch.randn(7, 5)
    losses = []
    for progress in (0, 0.5, 1):
        quantizer.anneal(progress)
        losses.append(quantizer.eval()(z).loss.item())
    assert losses[0] > 0
    assert losses == [losses[0]] * 3
    assert "kl_share" not in quantizer.state_dict()  # weights stored before there was a warm-up still load


def test_one_hot_samples_between_a_backbones_own_layers_are_the_same_method(quantizer):
    """Its logits are the latent, and its output the weights of the vectors."""
    bare = create_quantizer("gumbel", dim=12, codebook_size=12, kl_weight=0.3, one_hot=True)
    assert not list(bare.parameters())
    z = torch.randn(7, 5)
    for training in (True, False):
        torch.manual_seed(3)
        expected = quantizer.train(training)(z)
        torch.manual_seed(3)
        out = bare.train(training)(quantizer.project(z))
        torch.testing.assert_close(out.quantized @ quantizer.embedding, expected.quantized)
        assert torch.equal(out.codes, expected.codes)
        torch.testing.assert_close(out.loss, expected.loss)
    assert torch.equal(out.quantized, torch.nn.functional.one_hot(out.codes.squeeze(1), 12).float())


def test_one_hot_has_as_many_channels_as_codes():
    assert create_quantizer("gumbel", bits=6, one_hot=True).dim == 64
    with pytest.raises(ValueError, match="dim must be codebook_size with one_hot, got 256 and 1024"):
        create_quantizer("gumbel", one_hot=True)
    with pytest.raises(ValueError, match="bits=6 already fixes dim"):
        create_quantizer("gumbel", bits=6, one_hot=True, dim=5)


def test_codes_while_training_are_samples_of_the_softmax(quantizer):
    z = torch.randn(1, 5).expand(20_000, 5)
    frequencies = torch.bincount(quantizer(z).codes.flatten(), minlength=12) / 20_000
    expected = torch.softmax(quantizer.project(z[:1]), 1)[0]
    assert (frequencies - expected).abs().max() < 5 * math.sqrt(0.25 / 20_000)


def test_noise_is_finite_where_the_uniform_is_zero(monkeypatch):
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.zeros(shape))
    assert gumbel_noise(torch.zeros(3, 4)).isfinite().all()
