"""Derivatives of gradients, and gradients by `torch.func`, of every quantizer."""

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from quantizers import Quantizer, create_quantizer, list_quantizers
from quantizers.codebook import LearnedCodebook
from quantizers.entropy import bernoulli_entropy, mean_code_entropy
from quantizers.gq import GQ
from quantizers.softmax import choose_by_softmax
from quantizers.testing.contract import objective

OPTIONS = {
    "gumbel": {"dim": 4},
    "lfq": {"inverse_temperature": 1.0},
    "fvq": {"dim": 4, "hidden_dim": 16, "depth": 1},
    "rq": {"shared": False},  # a codebook that all depths share moves between them, with the rows
}

NAMES = [registration.name for registration in list_quantizers()]

HOLDS_CONSTANT = {
    "diveq": "the direction of the error is a constant of its gradient, by definition",
    **dict.fromkeys(
        ("ibq", "lgq"),
        "its gradient is that of a softmax, its value a choice: a difference of gradients shows the second alone",
    ),
}


def quantizer_of(name: str) -> Quantizer:
    torch.manual_seed(0)
    quantizer = create_quantizer(name, bits=4, **OPTIONS.get(name, {})).double().train()
    for _ in range(2):
        quantizer(torch.randn(20, quantizer.dim, dtype=torch.float64))
    return quantizer


def gradient(quantizer: Quantizer, z: Tensor, *, create_graph: bool = False) -> Tensor:
    torch.manual_seed(3)
    return torch.autograd.grad(objective(copy.deepcopy(quantizer)(z)), z, create_graph=create_graph)[0]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in HOLDS_CONSTANT])
def test_the_second_derivative_is_that_of_the_gradient(name: str) -> None:
    quantizer = quantizer_of(name)
    z, along = torch.randn(2, 6, quantizer.dim, dtype=torch.float64).unbind()
    z.requires_grad_()
    first = gradient(quantizer, z, create_graph=True)
    found = torch.autograd.grad((first * along).sum(), z)[0] if first.requires_grad else torch.zeros_like(z)
    ahead, behind = (gradient(quantizer, (z + step * along).detach().requires_grad_()) for step in (1e-5, -1e-5))
    torch.testing.assert_close(found, (ahead - behind) / 2e-5, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("bits", [1, 2, 5])
def test_entropies(bits: int) -> None:
    logits = (2 * torch.randn(7, bits, dtype=torch.float64)).requires_grad_()
    for entropy in (bernoulli_entropy, mean_code_entropy):
        assert torch.autograd.gradgradcheck(entropy, logits)


def by_one_hot(rows: Tensor, vectors: Tensor, codes: Tensor, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
    """Index backpropagation as its paper writes it, with N x K matrices."""
    products = rows @ vectors.T
    soft = products.softmax(1)
    choice = F.one_hot(codes, len(vectors)).to(soft) + soft - soft.detach()
    p = (products / temperature).softmax(1)
    return choice @ vectors, -(p * p.log()).sum(), p.sum(0)


def test_index_backpropagation() -> None:
    rows, vectors = torch.randn(9, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    codes = torch.randint(5, (9,))

    def seconds(choose: Callable[..., tuple[Tensor, Tensor, Tensor]]) -> list[Tensor]:
        leaves = [rows.clone().requires_grad_(), vectors.clone().requires_grad_()]
        chosen, entropy, sums = choose(*leaves, codes, 0.7)
        value = chosen.sin().sum() + entropy.square() + (sums + 1).log().sum()
        firsts = torch.autograd.grad(value, leaves, create_graph=True)
        return [*firsts, *torch.autograd.grad(sum(first.square().sum() for first in firsts), leaves)]

    for ours, reference in zip(seconds(choose_by_softmax), seconds(by_one_hot), strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["ibq", "lgq"])
def test_a_penalty_on_the_gradient_of_a_choice_by_softmax_trains(name: str) -> None:
    quantizer = quantizer_of(name)
    z = torch.randn(6, quantizer.dim, dtype=torch.float64, requires_grad=True)
    gradient(quantizer, z, create_graph=True).square().sum().backward()
    assert z.grad.isfinite().all()
    assert z.grad.any()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_by_torch_func(name: str, training: bool) -> None:
    quantizer = quantizer_of(name).train(training)
    z = torch.randn(6, quantizer.dim, dtype=torch.float64)
    by_func = torch.func.grad(lambda z: objective(quantizer(z)))
    if training and any(isinstance(part, LearnedCodebook | GQ) for part in quantizer.modules()):
        with pytest.raises(RuntimeError, match="in-place operation"):  # as of a batch norm: its statistics are no input
            by_func(z)
        return
    expected = gradient(quantizer, z.clone().requires_grad_())
    torch.manual_seed(3)
    torch.testing.assert_close(by_func(z), expected, rtol=1e-12, atol=1e-14)
