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
    """Different codes among some hundred positions, after some training batches."""
    torch.manual_seed(0)
    quantizer = make().train()
    if small_start:
        quantizer(latent(quantizer, batch=1) + 5)
    generator = torch.Generator().manual_seed(7)
    for _ in range(BATCHES):
        quantizer(torch.randn(64, quantizer.dim, 4, generator=generator))
    return len(quantizer.eval()(torch.randn(128, quantizer.dim, 4, generator=generator)).codes.unique())
