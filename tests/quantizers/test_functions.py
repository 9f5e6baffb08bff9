"""Functions whose arguments come in place are as others are, under transforms too."""

import inspect

import pytest
import torch

from quantizers.functions import called_in_place


class Scaled(torch.autograd.Function):
    @staticmethod
    @called_in_place
    def forward(x, factor):
        return x * factor

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.factor = inputs[1]

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.factor, None


def test_gradients_by_backward_and_by_transforms():
    x = torch.arange(3.0, requires_grad=True)
    Scaled.apply(x, 2.5).sum().backward()
    assert x.grad.tolist() == [2.5] * 3
    by_transform = torch.func.grad(lambda x: Scaled.apply(x, 2.5).sum())(x.detach())
    assert by_transform.tolist() == [2.5] * 3


def test_wrong_arguments_are_refused():
    with pytest.raises(TypeError, match="factor"):
        Scaled.apply(torch.ones(3))


def test_its_signature_is_its_own():
    assert str(inspect.signature(Scaled.forward)) == "(x, factor)"
