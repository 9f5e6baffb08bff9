"""Gradients: where they reach, and that they are the estimator's."""

import torch

from quantizers.testing.contract import Make, contract_line, expect, latent, objective, trained


@contract_line("the gradient reaches the input and every parameter, and is finite")
def check_gradient(make: Make) -> None:
    for scale in (1.0, 30.0):
        quantizer = trained(make)
        z = (latent(quantizer, 5, 3) * scale).requires_grad_()
        value = objective(quantizer(z))
        expect(value.requires_grad, "no gradient reaches the input: quantized and loss are detached from it")
        value.backward()
        for name, leaf in {"the input": z, **dict(quantizer.named_parameters())}.items():
            expect(leaf.grad is not None, f"no gradient reaches {name}")
            expect(leaf.grad is None or leaf.grad.isfinite().all(), f"the gradient of {name} is not finite")
    z = latent(quantizer, 5, 3).requires_grad_()
    quantizer(z).quantized.sum().backward()
    expect(z.grad is not None and bool((z.grad != 0).any()), "no gradient passes from quantized to the input")


@contract_line("straight-through methods (is_straight_through): d quantized / d z is the identity")
def check_straight_through(make: Make) -> None:
    quantizer = trained(make)
    if not getattr(quantizer, "is_straight_through", False):
        return
    z = latent(quantizer, 5, 3).requires_grad_()
    out = quantizer(z)
    upstream = torch.randn(out.quantized.shape, generator=torch.Generator().manual_seed(5))
    (gradient,) = torch.autograd.grad(out.quantized, z, upstream)
    expect(torch.equal(gradient, upstream), "the gradient is not the straight-through estimator's")


@contract_line("the same seed gives the same training step")
def check_determinism(make: Make) -> None:
    quantizers = trained(make), trained(make)
    outputs = []
    for quantizer in quantizers:
        torch.manual_seed(11)
        outputs.append(quantizer(latent(quantizer, 5, 3)))
    first, second = outputs
    expect(torch.equal(first.codes, second.codes), "codes differ")
    expect(torch.equal(first.quantized, second.quantized), "quantized differs")
    expect(torch.equal(first.loss, second.loss), "loss differs")
    for (name, value), other in zip(quantizers[0].named_buffers(), quantizers[1].buffers(), strict=True):
        expect(torch.equal(value, other), f"buffer {name} differs")
