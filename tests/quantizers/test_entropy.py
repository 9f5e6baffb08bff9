"""Entropies of independent bits against brute force over all codes in float64."""

import itertools
import math

import pytest
import torch

from quantizers import create_quantizer
from quantizers.entropy import bernoulli_entropy, mean_code_entropy, mean_entropy, usage_stats
from quantizers.testing.memory import PeakMemory


def brute_force(logits):
    """Mean entropy of p(code | row), and entropy of the mean p(code), over all 2^d codes."""
    codes = torch.tensor(list(itertools.product((0.0, 1.0), repeat=logits.shape[1])), dtype=logits.dtype)
    p = torch.softmax(logits @ codes.T, 1)
    mean = p.mean(0)
    return torch.special.entr(p).sum(1).mean(), torch.special.entr(mean).sum()


@pytest.mark.parametrize("bits", [1, 2, 5, 8])
def test_values_and_gradients(bits):
    generator = torch.Generator().manual_seed(bits)
    logits = (3 * torch.randn(40, bits, generator=generator, dtype=torch.float64)).requires_grad_()
    for ours, reference in zip(
        (bernoulli_entropy(logits).mean(), mean_code_entropy(logits)), brute_force(logits), strict=True
    ):
        torch.testing.assert_close(ours, reference, rtol=1e-12, atol=1e-13)
        gradients = [torch.autograd.grad(value, logits, retain_graph=True)[0] for value in (ours, reference)]
        torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [0.0, 1e-8, 20.0, 1e4, 1e38])
def test_saturated_and_flat_bits_are_finite(size):
    logits = torch.tensor([[size, -size], [size, size]]).requires_grad_()
    total = bernoulli_entropy(logits).sum() + mean_code_entropy(logits)
    total.backward()
    assert total.isfinite()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("scale", [1.0, 400.0])
def test_gradients_keep_their_digits_in_float32(scale):
    """Also of bits that are all but sure, as LFQ's are: a difference of sums would leave rounding where 0 is due."""
    logits = scale * torch.randn(256, 11, generator=torch.Generator().manual_seed(0))
    single, double = logits.clone().requires_grad_(), logits.double().requires_grad_()
    for leaf in (single, double):
        (bernoulli_entropy(leaf).mean() - mean_code_entropy(leaf)).backward()
    size = double.detach().abs()
    largest = torch.sigmoid(-size) * (size + 11 * math.log(2)) / 256  # that p(1 - p) allows
    assert ((single.grad.double() - double.grad).abs() <= 1e-5 * largest + 1e-37).all()


def test_memory_of_eighteen_bits():
    logits = torch.randn(2048, 18).requires_grad_()
    with PeakMemory() as memory:
        (bernoulli_entropy(logits).mean() - mean_code_entropy(logits)).backward()
    assert memory.peak < 32e6  # N x 2^18 would be 2 GB


def test_mean_entropy_of_any_distributions():
    p = torch.softmax(torch.randn(5, 3, 4, dtype=torch.float64).flatten(1), 1).view(5, 3, 4)
    p[:, 0, 0], p[:, 1, 1] = 0, p[:, 1, 1] + p[:, 0, 0]
    torch.testing.assert_close(mean_entropy(p.sum(0)), torch.special.entr(p.sum(0) / p.sum()).sum())
    empty = torch.zeros(3, 4, requires_grad=True)
    entropy = mean_entropy(empty)
    entropy.backward()
    assert entropy == 0
    assert empty.grad.isfinite().all()


def test_small_entropy_keeps_its_digits():
    logits = torch.tensor([[25.0]])
    expected = 25.0 * math.exp(-25.0) + math.exp(-25.0)
    assert bernoulli_entropy(logits).item() == pytest.approx(expected, rel=1e-5)


def test_lfq_loss_is_its_papers():
    quantizer = create_quantizer("lfq", bits=6, inverse_temperature=0.5).double()
    z = torch.randn(3, 6, 5, dtype=torch.float64)
    rows = z.movedim(1, -1).reshape(-1, 6)
    codes = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=6)), dtype=torch.float64)
    p = torch.softmax(2 * 0.5 * rows @ codes.T, 1)
    entropy = torch.special.entr(p).sum(1).mean() - torch.special.entr(p.mean(0)).sum()
    commitment = (rows - torch.where(rows > 0, 1.0, -1.0)).square().mean()
    torch.testing.assert_close(quantizer(z).loss, 0.1 * entropy + 0.25 * commitment)


def test_lfq_groups_above_twenty_bits_bound_the_joint_entropy():
    quantizer = create_quantizer("lfq", bits=24, inverse_temperature=0.1)
    z = torch.randn(64, 24)
    stats = quantizer(z).stats
    halves = [mean_code_entropy(0.4 * half) for half in z.split(12, dim=1)]
    torch.testing.assert_close(stats["batch_entropy"], sum(halves))


def test_usage_stats():
    stats = usage_stats(torch.tensor([4.0, 4.0, 0.0, 0.0]))
    assert stats["perplexity"].item() == pytest.approx(2.0)
    assert stats["usage"].item() == 0.5
    assert usage_stats(torch.zeros(4))["perplexity"].item() == 1.0


def test_a_backward_pass_under_autocast_is_in_float32():
    logits = torch.randn(50, 10)
    gradients = []
    for is_on in (False, True):
        leaf = logits.clone().requires_grad_()
        entropy = mean_code_entropy(leaf)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_on):
            entropy.backward()
        gradients.append(leaf.grad)
    assert torch.equal(*gradients)
