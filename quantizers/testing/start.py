"""The first training batch: it may be tiny."""

import torch

from quantizers.testing.contract import Make, contract_line, expect, latent

BATCHES = 8


@contract_line("a first training batch of a single position does not decide how many codes are in use later")
def check_small_start(make: Make) -> None:
    used, expected = _codes_used(make, small_start=True), _codes_used(make, small_start=False)
    expect(
        2 * used >= expected, f"{used} codes in use after {BATCHES} batches, {expected} without the tiny batch before"
    )


def _codes_used(make: Make, *, small_start: bool) -> int:
    """Different codes among some hundred positions, after training on some batches to reconstruct them."""
    torch.manual_seed(0)
    quantizer = make().train()
    parameters = [torch.zeros(1), *quantizer.parameters()]  # an optimizer wants one at least
    optimizer = torch.optim.Adam(parameters, lr=0.05)
    generator = torch.Generator().manual_seed(7)
    batches = [torch.randn(64, quantizer.dim, 4, generator=generator) for _ in range(BATCHES)]
    for z in [latent(quantizer, batch=1) + 5, *batches] if small_start else batches:
        optimizer.zero_grad()
        out = quantizer(z.requires_grad_())
        (out.loss + (out.quantized - z).square().mean()).backward()
        optimizer.step()
    return len(quantizer.eval()(torch.randn(128, quantizer.dim, 4, generator=generator)).codes.unique())
