"""`torch.compile`: one graph in eval mode, no error in training."""

import torch

from quantizers.testing.contract import Make, contract_line, expect, latent, objective, trained

BACKEND = "aot_eager"
"""Dynamo and autograd are what a quantizer can break; generating code would only cost minutes."""


@contract_line("torch.compile(fullgraph=True) in eval mode gives the same codes")
def check_compile_eval(make: Make) -> None:
    quantizer = trained(make).eval()
    z = latent(quantizer, 5, 3)
    expected = quantizer(z)
    torch._dynamo.reset()
    out = torch.compile(quantizer, fullgraph=True, backend=BACKEND)(z)
    torch._dynamo.reset()
    expect(torch.equal(out.codes, expected.codes), "the compiled quantizer gives other codes")
    gap = (out.quantized - expected.quantized).abs().max()
    expect(gap <= 1e-5, f"the compiled quantizer's output is off by {gap}")


@contract_line("torch.compile in training: forward and backward run, from the first step on")
def check_compile_training(make: Make) -> None:
    torch.manual_seed(0)
    quantizer = make().train()
    torch._dynamo.reset()
    compiled = torch.compile(quantizer, backend=BACKEND)
    for _ in range(2):
        z = latent(quantizer, 5, 3).requires_grad_()
        objective(compiled(z)).backward()
        expect(z.grad is not None and bool(z.grad.isfinite().all()), "no finite gradient reaches the input")
    torch._dynamo.reset()
