"""Precision: float64 stays float64, half precision goes no further than the input and the output."""

import copy
from itertools import product

import torch
from torch import Tensor

from quantizers.base import Quantizer
from quantizers.testing.contract import Make, contract_line, expect, latent, trained, training_step
from quantizers.testing.decoding import expect_decodes
from quantizers.testing.shapes import expect_output


@contract_line("float64 input is computed and returned in float64")
def check_float64(make: Make) -> None:
    quantizer = trained(make).double()
    z = latent(quantizer, 4, dtype=torch.float64)
    for training in (True, False):
        quantizer.train(training)
        out = quantizer(z)
        expect_output(quantizer, z, out, "float64 input")
    expect_decodes(quantizer, out)
    # A change far below float32's rounding must show wherever a larger one does; one of directions, as to some methods
    # lengths are nothing.
    quantizer.train()
    base = _step(quantizer, z)
    larger, smaller = _step(quantizer, z + 1e-4 * z.cos()), _step(quantizer, z + 1e-10 * z.cos())
    for name, value in base.items():
        lost = not torch.equal(value, larger[name]) and torch.equal(value, smaller[name])
        expect(not lost, f"{name} does not see a change of 1e-10: it was computed in float32")


def _step(quantizer: Quantizer, z: Tensor) -> dict[str, Tensor]:
    """Loss and gradients of one training step, which a copy makes."""
    torch.manual_seed(3)
    out, gradients = training_step(copy.deepcopy(quantizer), z)
    return {"the loss": out.loss.detach(), **{f"the gradient of {name}": value for name, value in gradients.items()}}


@contract_line("half precision and autocast: output in the input's dtype; all else computed as in float32")
def check_autocast(make: Make) -> None:
    quantizer = trained(make)
    for half, scale in product((torch.bfloat16, torch.float16), (1.0, 30.0)):
        for dtype, autocast in ((half, False), (half, True), (torch.float32, True)):
            z = (scale * latent(quantizer, 6, 5)).to(dtype)
            found = _mixed_step(quantizer, z, half if autocast else None)
            expected = _mixed_step(quantizer, z.float(), None)
            where = f"{dtype} input{f' under autocast to {half}' if autocast else ''}"
            for name, value in expected.items():
                value = value.to(dtype) if name in ("quantized", "the gradient of the input") else value
                expect(found[name].dtype == value.dtype, f"{where}: {name} is {found[name].dtype}, not {value.dtype}")
                expect(torch.equal(found[name], value), f"{where}: {name} was not computed in float32")


def _mixed_step(quantizer: Quantizer, z: Tensor, autocast: torch.dtype | None) -> dict[str, Tensor]:
    """All that one training step gives and leaves behind, made by a copy, with its forward pass under autocast."""
    quantizer = copy.deepcopy(quantizer)
    z = z.detach().requires_grad_()
    torch.manual_seed(3)
    with torch.autocast("cpu", dtype=autocast or torch.bfloat16, enabled=autocast is not None):
        out = quantizer(z)
        decoded = quantizer.decode(out.codes)
    signs = torch.ones_like(z, dtype=torch.float32)
    signs[:, ::2] = -1  # exact in any precision
    ((out.quantized * signs).sum() + out.loss).backward()
    gradients = {"the input": z.grad, **{name: leaf.grad for name, leaf in quantizer.named_parameters()}}
    return {
        "codes": out.codes,
        "quantized": out.quantized.detach(),
        "loss": out.loss.detach(),
        "decode": decoded.detach(),
        **{f"the gradient of {name}": value for name, value in gradients.items() if value is not None},
        **{f"buffer {name}": value for name, value in quantizer.named_buffers()},
    }


@contract_line("stored in half precision (.bfloat16(), .half()) it gives the codes of the same weights in float32")
def check_half_weights(make: Make) -> None:
    quantizer = trained(make).eval()
    z = latent(quantizer, 32, 32)
    for half in (torch.bfloat16, torch.float16):
        stored, same = copy.deepcopy(quantizer).to(half), copy.deepcopy(quantizer)
        same.load_state_dict(stored.state_dict())
        for given in (z, z.to(half)):
            out = stored(given)
            expect_output(stored, given, out, f"after .to({half}), {given.dtype} input")
            expect(torch.equal(out.codes, same(given).codes), f"after .to({half}): other codes")
        expect_decodes(stored, out)
