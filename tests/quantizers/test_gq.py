"""Gaussian Quant against its authors' formulas: densities one by one, and the weights of the divergence by a loop."""

import math

import pytest
import torch
from scipy.stats import norm
from torch.distributions import Independent, Normal, kl_divergence
from torch.quasirandom import SobolEngine

from quantizers import create_quantizer
from quantizers.gq import LOG_VARIANCES, likeliest, normal_vectors


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def latents(count, channels, seed=0):
    """Means and log variances side by side."""
    return torch.cat([normal(count, channels, seed=seed), normal(count, channels, seed=seed + 1) - 1], 1)


def densities(mean, log_variance, table, beta):
    """log q(c) - beta log p(c) of all positions and all vectors."""
    posterior = Normal(mean.unsqueeze(1), (log_variance / 2).exp().unsqueeze(1))
    return (posterior.log_prob(table) - beta * Normal(0.0, 1.0).log_prob(table)).sum(2)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("channels", [1, 4, 16])
def test_codes_have_the_largest_ratio_of_densities(channels, beta):
    table = normal_vectors(500, channels).double()
    mean, log_variance = normal(300, channels), 1.5 * normal(300, channels, seed=1) - 1  # some wider than the prior
    found = densities(mean, log_variance, table, beta)
    codes = likeliest(mean, log_variance, table, beta)
    lost = found.amax(1) - found.gather(1, codes.unsqueeze(1)).squeeze(1)
    assert lost.max() < 1e-9
    in_single = likeliest(mean.float(), log_variance.float(), table.float(), beta)
    lost = found.amax(1) - found.gather(1, in_single.unsqueeze(1)).squeeze(1)
    assert (lost <= 1e-5 * found.amax(1).abs().clamp_min(1)).all()
    assert codes.unique().numel() > 20


def test_equal_certainties_without_the_prior_are_the_nearest_vector():
    table = normal_vectors(400, 3).double()
    mean = normal(300, 3)
    codes = likeliest(mean, torch.full_like(mean, -2.0), table, 0.0)
    assert torch.equal(codes, torch.cdist(mean, table).argmin(1))


def test_extreme_latents_have_codes():
    table = normal_vectors(50, 2)
    mean = torch.tensor([[1e30, 0.0], [-1e30, 1e30], [0.0, 0.0]])
    for log_variance in LOG_VARIANCES:
        codes = likeliest(mean, torch.full_like(mean, log_variance), table, 0.0)
        assert ((codes >= 0) & (codes < 50)).all()
        assert table[codes[0], 0] == table[:, 0].max()


def test_the_codebook_is_the_authors():
    expected = norm.ppf(SobolEngine(16, scramble=True, seed=42).draw(4096))
    torch.testing.assert_close(normal_vectors(4096, 16).double(), torch.from_numpy(expected), rtol=1e-5, atol=1e-5)
    table = normal_vectors(2**14, 4).double()
    torch.testing.assert_close(table.mean(0), torch.zeros(4).double(), rtol=0, atol=1e-3)
    torch.testing.assert_close(table.T.cov(), torch.eye(4).double(), rtol=0, atol=0.02)


class Loop:
    """The authors' target divergence constraint, a number at a time."""

    def __init__(self, codebook_size, tolerance, factor):
        self.target, self.tolerance, self.factor = math.log2(codebook_size), tolerance, factor
        self.lam = self.lam_min = self.lam_max = 1.0

    def step(self, bits):
        low, high = self.target - self.tolerance, self.target + self.tolerance
        weights = [self.lam_max if kl > high else self.lam_min if kl < low else 1.0 for kl in bits]
        loss = self.lam * sum(weight * kl for weight, kl in zip(weights, bits, strict=True)) / len(bits)
        self.lam *= self.factor if sum(bits) / len(bits) > self.target else 1 / self.factor
        self.lam_max *= self.factor if max(bits) > high else 1 / self.factor
        self.lam_min *= 1 / self.factor if min(bits) < low else self.factor
        self.lam_max, self.lam_min = max(min(self.lam_max, 1e3), 1.0), max(min(self.lam_min, 1.0), 1e-3)
        return loss


@pytest.mark.parametrize(("size", "shift"), [(2**6, 0.0), (2**2, 1.0), (2**12, 0.0)])
def test_the_constraint_is_the_authors(size, shift):
    quantizer = create_quantizer("gq", dim=8, codebook_size=size, kl_weight=0.3, tolerance=0.7, lam_factor=1.1).double()
    loop = Loop(size, 0.7, 1.1)
    for step in range(12):
        rows = latents(40, 4, seed=2 * step) * (1 + shift * (step > 6))
        mean, log_variance = rows.chunk(2, 1)
        posterior = Independent(Normal(mean, (log_variance / 2).exp()), 1)
        prior = Independent(Normal(torch.zeros(4).double(), torch.ones(4).double()), 1)
        bits = kl_divergence(posterior, prior) / math.log(2)
        out = quantizer(rows)
        assert out.stats["divergence_bits"].item() == pytest.approx(bits.mean().item())
        assert out.loss.item() == pytest.approx(0.3 * loop.step(bits.tolist()))
        for name in ("lam", "lam_min", "lam_max"):
            assert getattr(quantizer, name).item() == pytest.approx(getattr(loop, name), rel=1e-6)
    assert loop.lam != 1


def test_training_gives_samples_and_eval_mode_codes():
    quantizer = create_quantizer("gq", dim=4, codebook_size=64)
    rows = torch.tensor([0.5, -1.0, -2.0, 0.4]).expand(20_000, 4).clone().requires_grad_()
    samples = quantizer(rows).quantized
    assert (samples[:, 2:] == 0).all()
    mean, deviation = samples[:, :2].mean(0), samples[:, :2].std(0)
    torch.testing.assert_close(mean, torch.tensor([0.5, -1.0]), rtol=0, atol=0.05)
    torch.testing.assert_close(deviation, torch.tensor([-1.0, 0.2]).exp(), rtol=0.03, atol=0)
    upstream = torch.randn(20_000, 4)
    (gradient,) = torch.autograd.grad(samples, rows, upstream)
    torch.testing.assert_close(gradient[:, :2], upstream[:, :2])
    noise = (samples - rows)[:, :2].detach()
    torch.testing.assert_close(gradient[:, 2:], upstream[:, :2] * noise / 2)
    out = quantizer.eval()(rows)
    assert torch.equal(out.quantized[:, :2], quantizer.table[out.codes.squeeze(1)])
    (gradient,) = torch.autograd.grad(out.quantized, rows, upstream)
    assert torch.equal(gradient, torch.cat([upstream[:, :2], torch.zeros(20_000, 2)], 1))


def test_a_code_is_as_near_as_a_sample_where_the_rate_suffices():
    """The paper's theorem: what KL is below log2 K decides the error, here in deviations of q from its mean."""
    mean = 0.98 * normal(500, 2)
    log_variance = torch.full_like(mean, math.log(1 - 0.98**2))
    bits = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(1).mean().item() / math.log(2)
    assert bits == pytest.approx(4.7, abs=0.3)
    errors = []
    for size in (2**2, 2**5, 2**9):
        table = normal_vectors(size, 2).double()
        gap = (table[likeliest(mean, log_variance, table, 1.0)] - mean) / (log_variance / 2).exp()
        errors.append(gap.square().mean().item())
    few, enough, many = errors
    assert few > 5
    assert enough < 3
    assert many < 1  # a sample's is 1


def test_the_constraint_holds_the_divergence_at_the_rate():
    torch.manual_seed(0)
    quantizer = create_quantizer("gq", dim=8, codebook_size=2**8, lam_factor=1.05)
    encoder, decoder = torch.nn.Linear(4, 8), torch.nn.Linear(8, 4)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 5e-3)
    for _ in range(600):
        signal = torch.randn(128, 4)
        out = quantizer(encoder(signal))
        optimizer.zero_grad()
        ((decoder(out.quantized) - signal).square().mean() + out.loss).backward()
        optimizer.step()
    assert out.stats["divergence_bits"].item() == pytest.approx(8, abs=1)
    signal = torch.randn(4096, 4)
    out = quantizer.eval()(encoder(signal))
    assert out.stats["usage"] > 0.95
    assert (decoder(out.quantized) - signal).square().mean() < 0.25  # D(2 bits) is 1/16


def test_frozen_weights_stay():
    quantizer = create_quantizer("gq", dim=4, codebook_size=4).requires_grad_(False)
    quantizer(latents(20, 2).float())
    assert quantizer.lam == 1
    quantizer.requires_grad_(True)
    quantizer(latents(20, 2).float())
    assert quantizer.lam != 1


@pytest.mark.parametrize("dim", [0, 3, 2**20])
def test_impossible_widths(dim):
    with pytest.raises(ValueError, match="dim must be"):
        create_quantizer("gq", dim=dim)
