"""What `decode` gives back, and the statistics of codes."""

import torch
from torch import Tensor

from quantizers.base import Quantizer, QuantizerOutput
from quantizers.testing.contract import Make, contract_line, expect, latent, trained, unless
from quantizers.testing.shapes import SPATIAL


def expect_decodes(quantizer: Quantizer, out: QuantizerOutput) -> None:
    """Raise `ContractError` unless `decode` gives the `quantized` of an output in eval mode."""
    decoded = quantizer.decode(out.codes)
    expect(tuple(decoded.shape) == tuple(out.quantized.shape), f"decode gives shape {tuple(decoded.shape)}")
    decoded = decoded.to(out.quantized.dtype)
    if not torch.equal(decoded, out.quantized):
        expect(False, f"decode(codes) is off by up to {(decoded - out.quantized).abs().max()}")


@contract_line("decode(codes) == quantized in eval mode; any code in range can be decoded")
def check_decode(make: Make) -> None:
    quantizer = trained(make).eval()
    for spatial in SPATIAL:
        out = quantizer(latent(quantizer, *spatial))
        expect_decodes(quantizer, out)
        codes = torch.randint(quantizer.codebook_size, out.codes.shape, generator=torch.Generator().manual_seed(4))
        codes.view(-1)[:2] = torch.tensor([0, quantizer.codebook_size - 1])
        expect(tuple(quantizer.decode(codes).shape) == tuple(out.quantized.shape), "decode of any codes: wrong shape")


@contract_line(
    "nearest-code methods: quantizing an output again changes nothing", exempt=unless("is_projection", default=False)
)
def check_idempotence(make: Make) -> None:
    quantizer = trained(make).eval()
    once = quantizer(latent(quantizer, 6, 5))
    again = quantizer(once.quantized)
    expect(torch.equal(once.quantized, again.quantized), "quantizing the output again changed it")


@contract_line("perplexity and usage, where given, are those of the batch's codes")
def check_stats(make: Make) -> None:
    quantizer = trained(make).eval()
    out = quantizer(latent(quantizer, batch=135))  # without axes, along which codes may be repeated
    # a method with several codes per position counts them together, or takes the mean over them
    ways = [_usage(codes, quantizer.codebook_size) for codes in (out.codes.reshape(-1, 1), out.codes)]
    for name in ("perplexity", "usage"):
        if name in out.stats:
            value = out.stats[name].double()
            right = [bool((value - way[name]).abs() <= 1e-4 * way[name]) for way in ways]
            expect(
                any(right), f"{name} is {value:.6g}, the codes' is {' or '.join(f'{way[name]:.6g}' for way in ways)}"
            )


def _usage(codes: Tensor, codebook_size: int) -> dict[str, Tensor]:
    """By sorting, in float64; a mean over the second axis."""
    perplexities, usages = [], []
    for column in codes.unbind(1):
        _, counts = column.unique(return_counts=True)
        p = counts.double() / counts.sum()
        perplexities.append(torch.special.entr(p).sum().exp())
        usages.append(torch.tensor(len(counts) / codebook_size, dtype=torch.float64))
    return {"perplexity": torch.stack(perplexities).mean(), "usage": torch.stack(usages).mean()}
