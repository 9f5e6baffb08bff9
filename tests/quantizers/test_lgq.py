"""LGQ against its authors' formulas with the whole N x K softmax, differentiated by autograd in float64."""

import pytest
import torch

from quantizers import create_quantizer
from quantizers.lgq import unevenness
from quantizers.softmax import average_by_softmax


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def naive(rows, vectors, tau):
    """The soft assignments, and the quantized rows with their gradient."""
    distances = (rows.unsqueeze(1) - vectors).square().sum(2)
    p = torch.softmax(-distances / tau, 1)
    soft, hard = p @ vectors, vectors[distances.argmin(1)]
    return p, soft + (hard - soft).detach()


@pytest.mark.parametrize(
    ("count", "size", "dim", "progress"), [(1, 1, 1, 0.0), (20, 7, 3, 0.5), (700, 37, 5, 1.0), (40, 3, 4, 0.2)]
)
def test_training_step_is_the_authors(count, size, dim, progress):
    quantizer = create_quantizer(
        "lgq", dim=dim, codebook_size=size, lambda_peak=0.3, lambda_bins=0.2, dead_threshold=0.0, kmeans_iterations=0
    ).double()
    quantizer.codebook.vectors.data.copy_(3 + normal(size, dim, seed=1))
    quantizer.anneal(progress)
    ours, theirs = ((3 + normal(count, dim)).requires_grad_() for _ in range(2))
    vectors = quantizer.codebook.vectors.detach().clone().requires_grad_()
    out = quantizer(ours)
    p, quantized = naive(theirs, vectors, 1.0 - 0.9 * progress)
    loss = (quantized - theirs).square().mean() + 0.3 * (1 - p.square().sum(1)).mean()
    loss = loss + 0.2 * size * p.mean(0).square().sum()
    torch.testing.assert_close(out.quantized, quantized)
    torch.testing.assert_close(out.loss, loss)
    upstream = normal(count, dim, seed=2)
    for value in ((out.quantized * upstream).sum() + out.loss, (quantized * upstream).sum() + loss):
        value.backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(quantizer.codebook.vectors.grad, vectors.grad, rtol=1e-6, atol=1e-9)


def test_averages_are_differentiable_twice():
    rows, vectors = normal(9, 3).requires_grad_(), normal(6, 3, seed=1).requires_grad_()
    tau = torch.tensor(0.7, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z, c: average_by_softmax(z, c, tau), (rows, vectors))
    assert torch.autograd.gradgradcheck(lambda z, c: average_by_softmax(z, c, tau), (rows, vectors))


def test_tiles_change_nothing(monkeypatch):
    found = []
    for fewest in (1, 10_000):
        monkeypatch.setattr("quantizers.softmax._tile_rows", lambda rows, vectors, size=fewest: size)
        leaves = normal(50, 4).requires_grad_(), normal(30, 4, seed=1).requires_grad_()
        means, squares, sums = average_by_softmax(*leaves, torch.tensor(0.5, dtype=torch.float64))
        (means.sin().sum() + squares.square() + sums.log().sum()).backward()
        found.append([means, squares, sums, *(leaf.grad for leaf in leaves)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_the_gradient_is_of_the_vectors_that_chose_when_dead_codes_are_replaced():
    quantizer = create_quantizer("lgq", dim=3, codebook_size=40, dead_threshold=1.0)
    rows = normal(300, 3).float()
    for _ in range(2):
        quantizer(rows)
    vectors = quantizer.codebook.vectors.detach().double()
    z = rows.clone().requires_grad_()
    out = quantizer(z)
    assert not torch.equal(quantizer.codebook.vectors.double(), vectors)  # some were
    upstream = normal(300, 3, seed=2)
    (out.quantized * upstream).sum().backward()
    theirs = rows.double().requires_grad_()
    (naive(theirs, vectors, 1.0)[1] * upstream).sum().backward()
    torch.testing.assert_close(z.grad.double(), theirs.grad, rtol=1e-4, atol=1e-4)


def test_usage_that_is_even_costs_one_and_a_single_code_the_size():
    assert unevenness(torch.full((8,), 5.0)) == 1
    assert unevenness(torch.tensor([0.0, 0.0, 12.0, 0.0])) == 4
    assert unevenness(torch.zeros(8)) == 0


@pytest.mark.parametrize("tau", [1.0, 1e-6])
def test_one_sided_softmaxes_are_finite_in_float32(tau):
    rows, vectors = (1e3 * normal(50, 8)).float().requires_grad_(), normal(30, 8, seed=1).float().requires_grad_()
    means, squares, sums = average_by_softmax(rows, vectors, torch.tensor(tau))
    (means.sum() + squares + sums.square().sum()).backward()
    assert sums.sum().item() == pytest.approx(50)
    for value in (means, rows.grad, vectors.grad):
        assert value.isfinite().all()


def test_cold_assignments_are_hard_and_warm_ones_reach_every_code():
    rows, vectors = normal(50, 3), normal(20, 3, seed=1).requires_grad_()
    nearest = torch.cdist(rows, vectors).argmin(1)
    cold, squares, _ = average_by_softmax(rows, vectors, torch.tensor(1e-4, dtype=torch.float64))
    torch.testing.assert_close(cold, vectors[nearest], rtol=0, atol=1e-3)
    assert squares.item() == pytest.approx(50, rel=1e-3)
    warm = average_by_softmax(rows[:2], vectors, torch.tensor(1.0, dtype=torch.float64))[0]
    warm.square().sum().backward()
    assert (vectors.grad != 0).any(1).all()


def test_eval_mode_is_the_nearest_code_straight_through():
    quantizer = create_quantizer("lgq", dim=3, codebook_size=20)
    z = normal(100, 3).float().requires_grad_()
    quantizer(z)
    out = quantizer.eval()(z)
    distances = torch.cdist(z.double(), quantizer.codebook().double())
    assert torch.equal(out.codes.squeeze(1), distances.argmin(1))
    upstream = normal(100, 3, seed=1).float()
    assert torch.equal(torch.autograd.grad(out.quantized, z, upstream)[0], upstream)
    assert out.loss.item() == pytest.approx((distances.amin(1) ** 2).mean().item() / 3, rel=1e-4)


def test_its_own_loss_spreads_the_codes_over_a_mixture():
    torch.manual_seed(0)
    centres = 4 * normal(16, 2, seed=3).float()
    quantizer = create_quantizer("lgq", dim=2, codebook_size=16, dead_threshold=0.0)
    optimizer = torch.optim.Adam(quantizer.parameters(), 0.05)
    for step in range(200):
        quantizer.anneal(step / 200)
        rows = centres[torch.randint(16, (256,))] + 0.1 * torch.randn(256, 2)
        optimizer.zero_grad()
        quantizer(rows).loss.backward()
        optimizer.step()
    out = quantizer.eval()(centres)
    assert (out.quantized - centres).norm(dim=1).median() < 0.1
    assert out.codes.unique().numel() >= 14
