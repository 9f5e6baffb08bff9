"""IBQ against its authors' formula with the whole N x K softmax, differentiated by autograd in float64."""

import pytest
import torch
import torch.nn.functional as F

from quantizers import create_quantizer
from quantizers.ibq import largest_products
from quantizers.softmax import choose_by_softmax


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def naive(rows, vectors, temperature):
    """Quantized rows, hard rows, mean entropy and entropy of the mean, as in the authors' code."""
    products = rows @ vectors.T
    soft = torch.softmax(products, 1)
    hard = F.one_hot(products.argmax(1), vectors.shape[0]).to(rows.dtype)
    p = torch.softmax(products / temperature, 1)
    quantized = (hard - soft.detach() + soft) @ vectors
    return quantized, hard @ vectors, torch.special.entr(p).sum(1).mean(), torch.special.entr(p.mean(0)).sum()


@pytest.mark.parametrize(("count", "size", "dim", "temperature"), [(1, 1, 1, 0.01), (20, 7, 3, 0.5), (700, 37, 5, 0.3)])
def test_training_step_is_the_authors(count, size, dim, temperature):
    quantizer = create_quantizer("ibq", dim=dim, codebook_size=size, entropy_temperature=temperature).double()
    ours, theirs = (normal(count, dim).requires_grad_() for _ in range(2))
    vectors = quantizer.codebook.vectors.detach().clone().requires_grad_()
    out = quantizer(ours)
    quantized, hard, sample_entropy, batch_entropy = naive(theirs, vectors, temperature)
    loss = (quantized - theirs).square().mean() + (hard.detach() - theirs).square().mean()
    loss = loss + 0.25 * (hard - theirs.detach()).square().mean() + 0.05 * (sample_entropy - batch_entropy)
    torch.testing.assert_close(out.quantized, quantized)
    torch.testing.assert_close(out.loss, loss)
    torch.testing.assert_close(out.stats["sample_entropy"], sample_entropy.detach())
    torch.testing.assert_close(out.stats["batch_entropy"], batch_entropy.detach())
    upstream = normal(count, dim, seed=1)
    for value in ((out.quantized * upstream).sum() + out.loss, (quantized * upstream).sum() + loss):
        value.backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-7, atol=1e-9)
    torch.testing.assert_close(quantizer.codebook.vectors.grad, vectors.grad, rtol=1e-7, atol=1e-9)


def test_entropies_are_differentiable_by_themselves():
    """Both have no jump, so that finite differences can judge them."""
    rows, vectors = normal(9, 3).requires_grad_(), normal(6, 3, seed=1).requires_grad_()
    codes = largest_products(rows, vectors)
    assert torch.autograd.gradcheck(lambda z, c: choose_by_softmax(z, c, codes, 0.7)[1:], (rows, vectors))


@pytest.mark.parametrize("temperature", [0.01, 1e-6])
def test_one_sided_softmaxes_are_finite_in_float32(temperature):
    rows, vectors = (1e3 * normal(50, 8)).float().requires_grad_(), normal(30, 8, seed=1).float().requires_grad_()
    chosen, entropy, sums = choose_by_softmax(rows, vectors, largest_products(rows, vectors), temperature)
    (chosen.sum() + entropy + sums.square().sum()).backward()
    assert sums.sum().item() == pytest.approx(50)
    for value in (entropy, rows.grad, vectors.grad):
        assert value.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_the_product_is_the_largest(dtype, scale):
    rows = (normal(300, 16) * scale).to(dtype)
    vectors = (normal(500, 16, seed=1) * torch.logspace(-3, 1, 500).unsqueeze(1)).to(dtype)
    codes = largest_products(rows, vectors)
    products = rows.double() @ vectors.double().T
    reach = rows.double().norm(dim=1) * vectors.double().norm(dim=1).max()
    lost = products.amax(1) - products.gather(1, codes.unsqueeze(1)).squeeze(1)
    assert (lost <= 1e-6 * reach).all()
    assert codes.unique().numel() > 20


def test_every_code_learns_at_every_step():
    quantizer = create_quantizer("ibq", dim=4, codebook_size=64, entropy_weight=0.0)
    out = quantizer(normal(16, 4).float())
    assert out.codes.unique().numel() <= 16
    out.quantized.square().sum().backward()
    assert (quantizer.codebook.vectors.grad != 0).any(1).all()


def test_a_backward_pass_under_autocast_is_in_float32():
    rows, vectors = torch.randn(40, 8), torch.randn(64, 8)
    gradients = []
    for is_on in (False, True):
        leaves = rows.clone().requires_grad_(), vectors.clone().requires_grad_()
        chosen, entropy, sums = choose_by_softmax(*leaves, largest_products(*leaves), 0.1)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_on):
            torch.autograd.backward([chosen, entropy, sums], [torch.ones_like(chosen), torch.ones(()), sums.detach()])
        gradients.append([leaf.grad for leaf in leaves])
    for plain, mixed in zip(*gradients, strict=True):
        assert torch.equal(plain, mixed)
