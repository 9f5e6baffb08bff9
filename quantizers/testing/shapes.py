"""Shapes, dtypes and what `decode` gives back."""

import math

import torch
from torch import Tensor

from quantizers.base import Quantizer, QuantizerOutput
from quantizers.testing.contract import Make, contract_line, expect, latent, trained

SPATIAL = ((), (7,), (5, 3), (3, 2, 5))


def _expect_output(quantizer: Quantizer, z: Tensor, out: QuantizerOutput, what: str) -> None:
    code_shape = (z.shape[0], quantizer.codes_per_position, *z.shape[2:])
    expect(tuple(out.quantized.shape) == tuple(z.shape), f"{what}: quantized {tuple(out.quantized.shape)}")
    expect(out.quantized.dtype == z.dtype, f"{what}: quantized is {out.quantized.dtype}, input {z.dtype}")
    expect(tuple(out.codes.shape) == code_shape, f"{what}: codes {tuple(out.codes.shape)}, not {code_shape}")
    expect(out.codes.dtype == torch.int64, f"{what}: codes are {out.codes.dtype}, not int64")
    if out.codes.numel():
        in_range = bool(out.codes.min() >= 0) and int(out.codes.max()) < quantizer.codebook_size
        expect(in_range, f"{what}: codes outside [0, {quantizer.codebook_size})")
    expect(out.loss.ndim == 0 and bool(out.loss.isfinite()), f"{what}: loss is not a finite scalar: {out.loss}")
    for name, value in out.stats.items():
        detached = isinstance(value, Tensor) and value.ndim == 0 and not value.requires_grad
        expect(detached, f"{what}: stats[{name!r}] is not a detached scalar tensor")


@contract_line("attributes: dim, codebook_size, codes_per_position >= 1; bits_per_position at most their rate")
def check_attributes(make: Make) -> None:
    quantizer = make()
    for name in ("dim", "codebook_size", "codes_per_position"):
        value = getattr(quantizer, name, None)
        expect(isinstance(value, int) and value >= 1, f"{name} must be an int >= 1, got {value!r}")
    bits = quantizer.bits_per_position
    rate = quantizer.codes_per_position * math.log2(quantizer.codebook_size)
    expect(0 <= bits <= rate + 1e-9, f"bits_per_position is {bits}, codes can carry {rate}")


@contract_line("0 to 3 spatial axes, batch of 1, odd sizes, in training and eval mode")
def check_shapes(make: Make) -> None:
    quantizer = trained(make)
    for training in (True, False):
        quantizer.train(training)
        for spatial in SPATIAL:
            for batch in (1, 3):
                z = latent(quantizer, *spatial, batch=batch)
                mode = "training" if training else "eval"
                _expect_output(quantizer, z, quantizer(z), f"input {tuple(z.shape)} in {mode} mode")


@contract_line("every position is quantized by itself: the axes and their order do not matter in eval mode")
def check_positions(make: Make) -> None:
    quantizer = trained(make).eval()
    z = latent(quantizer, 3, 5)
    out = quantizer(z)
    flat = quantizer(z.movedim(1, -1).reshape(-1, z.shape[1]))
    expect(torch.equal(out.codes.movedim(1, -1).reshape(flat.codes.shape), flat.codes), "codes depend on the axes")


@contract_line("non-contiguous input gives what its contiguous copy gives")
def check_non_contiguous(make: Make) -> None:
    quantizer = trained(make).eval()
    z = latent(quantizer, 5, 6).transpose(2, 3)[..., ::2]
    first, second = quantizer(z), quantizer(z.contiguous())
    expect(torch.equal(first.codes, second.codes), "codes differ")
    expect(torch.equal(first.quantized, second.quantized), "quantized differs")


@contract_line("decode(codes) == quantized in eval mode")
def check_decode(make: Make) -> None:
    quantizer = trained(make).eval()
    for spatial in SPATIAL:
        _expect_decodes(quantizer, quantizer(latent(quantizer, *spatial)))


def _expect_decodes(quantizer: Quantizer, out: QuantizerOutput) -> None:
    decoded = quantizer.decode(out.codes)
    expect(tuple(decoded.shape) == tuple(out.quantized.shape), f"decode gives shape {tuple(decoded.shape)}")
    gap = (decoded.to(out.quantized.dtype) - out.quantized).abs().max()
    expect(torch.equal(decoded.to(out.quantized.dtype), out.quantized), f"decode(codes) is off by up to {gap}")


@contract_line("float64 input is computed and returned in float64")
def check_float64(make: Make) -> None:
    quantizer = trained(make).double()
    for training in (True, False):
        quantizer.train(training)
        z = latent(quantizer, 4, dtype=torch.float64)
        out = quantizer(z)
        _expect_output(quantizer, z, out, "float64 input")
    _expect_decodes(quantizer, out)


@contract_line("empty batch: empty output, loss 0, no buffer changes")
def check_empty_batch(make: Make) -> None:
    for quantizer in (make().train(), trained(make), trained(make).eval()):
        before = {name: value.clone() for name, value in quantizer.named_buffers()}
        z = latent(quantizer, 4, 4, batch=0).requires_grad_()
        out = quantizer(z)
        _expect_output(quantizer, z, out, "empty batch")
        expect(out.loss == 0, f"loss of an empty batch is {out.loss.item()}, not 0")
        (out.quantized.sum() + out.loss).backward()
        for name, value in quantizer.named_buffers():
            expect(torch.equal(value, before[name]), f"an empty batch changed buffer {name}")


@contract_line("nearest-code methods (is_projection): quantizing an output again changes nothing")
def check_idempotence(make: Make) -> None:
    quantizer = trained(make).eval()
    if not getattr(quantizer, "is_projection", False):
        return
    once = quantizer(latent(quantizer, 6, 5))
    again = quantizer(once.quantized)
    expect(torch.equal(once.quantized, again.quantized), "quantizing the output again changed it")


@contract_line("autocast: output in the input's dtype; codes and buffers as without it, in float32")
def check_autocast(make: Make) -> None:
    for dtype in (torch.bfloat16, torch.float16):
        plain, cast = trained(make), trained(make)
        z = latent(plain, 6, 5).to(dtype)
        torch.manual_seed(3)
        expected = plain(z.float())
        torch.manual_seed(3)
        with torch.autocast("cpu", dtype=dtype):
            out = cast(z)
        _expect_output(cast, z, out, f"autocast to {dtype}")
        expect(torch.equal(out.codes, expected.codes), f"autocast to {dtype}: codes were not found in float32")
        for (name, value), other in zip(cast.named_buffers(), plain.buffers(), strict=True):
            expect(value.dtype == other.dtype, f"autocast to {dtype}: buffer {name} became {value.dtype}")
            expect(torch.equal(value, other), f"autocast to {dtype}: buffer {name} was not updated in float32")
