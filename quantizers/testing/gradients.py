"""Gradients: where they reach, and that they are the estimator's."""

import torch
from torch import Tensor

from quantizers.base import Quantizer
from quantizers.testing.contract import (
    Make,
    contract_line,
    expect,
    expect_equal,
    latent,
    objective,
    snapshot,
    trained,
    training_step,
    unless,
)


@contract_line("the gradient reaches the input and every parameter, and is finite")
def check_gradient(make: Make) -> None:
    for scale in (1.0, 30.0):
        quantizer = trained(make)
        z = (latent(quantizer, 5, 3) * scale).requires_grad_()
        value = objective(quantizer(z))
        expect(value.requires_grad, "no gradient reaches the input: quantized and loss are detached from it")
        value.backward()
        for name, leaf in {"the input": z, **dict(quantizer.named_parameters())}.items():
            expect(leaf.grad is not None or not leaf.requires_grad, f"no gradient reaches {name}")
            expect(leaf.grad is None or leaf.grad.isfinite().all(), f"the gradient of {name} is not finite")
    z = latent(quantizer, 5, 3).requires_grad_()
    quantized = quantizer(z).quantized
    (gradient,) = torch.autograd.grad(quantized.sum(), z, allow_unused=True) if quantized.requires_grad else (None,)
    expect(gradient is not None and (gradient != 0).any(), "no gradient passes from quantized to the input")


@contract_line(
    "d quantized / d z is the identity, or the derivative of `bound` where there is one",
    exempt=unless("is_straight_through", default=False),
)
def check_straight_through(make: Make) -> None:
    quantizer = trained(make)
    z = latent(quantizer, 5, 3).requires_grad_()
    out = quantizer(z)
    upstream = torch.randn(out.quantized.shape, generator=torch.Generator().manual_seed(5))
    (gradient,) = torch.autograd.grad(out.quantized, z, upstream)
    expected = _through_bound(quantizer, z, upstream)
    expect(torch.equal(gradient, expected), "the gradient is not the straight-through estimator's")


def _through_bound(quantizer: Quantizer, z: Tensor, upstream: Tensor) -> Tensor:
    bound = getattr(quantizer, "bound", None)
    if bound is None:
        return upstream
    bounded = bound(z.movedim(1, -1).flatten(0, -2))
    return torch.autograd.grad(bounded, z, upstream.movedim(1, -1).flatten(0, -2))[0]


@contract_line("the same seed gives the same training step")
def check_determinism(make: Make) -> None:
    results = []
    for _ in range(2):
        quantizer = trained(make)
        torch.manual_seed(11)
        out, gradients = training_step(quantizer, latent(quantizer, 5, 3))
        output = {"codes": out.codes, "quantized": out.quantized, "loss": out.loss}
        results.append(output | gradients | snapshot(quantizer))
    expect_equal(results[0], results[1], "not the same after the same seed")
