"""Shapes: of what comes out, and that neither axes nor memory layout matter."""

import copy
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from quantizers.base import Quantizer, QuantizerOutput
from quantizers.testing.contract import (
    Make,
    contract_line,
    expect,
    expect_close,
    expect_equal,
    latent,
    trained,
    training_step,
    unless,
)

SPATIAL = ((), (7,), (5, 3), (3, 2, 5))


def expect_output(quantizer: Quantizer, z: Tensor, out: QuantizerOutput, what: str) -> None:
    """Raise `ContractError` unless all parts of an output have the shape, dtype and range they must have."""
    code_shape = (z.shape[0], quantizer.codes_per_position, *z.shape[2:])
    expect(tuple(out.quantized.shape) == tuple(z.shape), f"{what}: quantized {tuple(out.quantized.shape)}")
    expect(out.quantized.dtype == z.dtype, f"{what}: quantized is {out.quantized.dtype}, input {z.dtype}")
    expect(bool(out.quantized.isfinite().all()), f"{what}: quantized is not finite")
    expect(tuple(out.codes.shape) == code_shape, f"{what}: codes {tuple(out.codes.shape)}, not {code_shape}")
    expect(out.codes.dtype == torch.int64, f"{what}: codes are {out.codes.dtype}, not int64")
    if out.codes.numel():
        in_range = bool(out.codes.min() >= 0) and int(out.codes.max()) < quantizer.codebook_size
        expect(in_range, f"{what}: codes outside [0, {quantizer.codebook_size})")
    expect(out.loss.ndim == 0 and bool(out.loss.isfinite()), f"{what}: loss is not a finite scalar: {out.loss}")
    for name, value in out.stats.items():
        detached = isinstance(value, Tensor) and value.ndim == 0 and not value.requires_grad
        expect(detached, f"{what}: stats[{name!r}] is not a detached scalar tensor")


@contract_line("dim, codebook_size and codes_per_position are 1 or more, bits_per_position is at most their rate")
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
                expect_output(quantizer, z, quantizer(z), f"input {tuple(z.shape)} in {mode} mode")


@contract_line("empty batch, empty axis: empty output, loss 0, no buffer changes")
def check_empty(make: Make) -> None:
    for quantizer in (make().train(), trained(make), trained(make).eval()):
        before = {name: value.clone() for name, value in quantizer.named_buffers()}
        for z in (latent(quantizer, 4, 4, batch=0), latent(quantizer, 4, 0), latent(quantizer, batch=0)):
            z.requires_grad_()
            out = quantizer(z)
            what = f"empty input {tuple(z.shape)}"
            expect_output(quantizer, z, out, what)
            expect(out.loss == 0, f"{what}: loss is {out.loss.item()}, not 0")
            (out.quantized.sum() + out.loss).backward()
            expect(tuple(quantizer.decode(out.codes).shape) == tuple(z.shape), f"{what}: decode gives another shape")
        expect_equal(before, dict(quantizer.named_buffers()), "an empty batch changed a buffer")


@contract_line("every position is quantized by itself in eval mode", exempt=unless("is_positionwise", default=True))
def check_positions(make: Make) -> None:
    quantizer = trained(make).eval()
    z = latent(quantizer, 3, 5)
    codes = quantizer(z).codes.movedim(1, -1).flatten(0, -2)
    rows = z.movedim(1, -1).flatten(0, -2)
    order = torch.randperm(rows.shape[0], generator=torch.Generator().manual_seed(2))
    expect(torch.equal(quantizer(rows).codes, codes), "codes depend on the axes")
    expect(torch.equal(quantizer(rows[order]).codes, codes[order]), "codes depend on the order of the positions")
    expect(torch.equal(quantizer(rows[3:4]).codes, codes[3:4]), "codes depend on the other positions")


@contract_line("every sample of a batch is quantized by itself in eval mode")
def check_samples(make: Make) -> None:
    quantizer = trained(make).eval()
    z = latent(quantizer, 3, 5, batch=3)
    codes = quantizer(z).codes
    for sample in range(3):
        alone = quantizer(z[sample : sample + 1]).codes
        expect(torch.equal(alone, codes[sample : sample + 1]), "codes depend on the other samples of the batch")


def layouts(z: Tensor) -> Iterator[tuple[str, Tensor]]:
    """The values of `z`, (B, D, H, W), in other layouts of memory, each with a name."""
    yield "channels last", z.contiguous(memory_format=torch.channels_last)
    yield "transposed axes", z.transpose(2, 3).contiguous().transpose(2, 3)
    yield "every other element", torch.stack([z, -z], dim=-1).flatten(-2)[..., ::2]
    yield "batch innermost", z.movedim(0, -1).contiguous().movedim(-1, 0)


@contract_line("non-contiguous input gives what its contiguous copy gives, in value and gradient")
def check_non_contiguous(make: Make) -> None:
    quantizer = trained(make)
    plain = latent(quantizer, 4, 6)
    for what, z in {**dict(layouts(plain)), "an expanded axis": plain[:, :, :1].expand(plain.shape)}.items():
        for training in (True, False):
            result, expected = (
                _result(copy.deepcopy(quantizer).train(training), given) for given in (z, z.contiguous())
            )
            expect(torch.equal(result.pop("codes"), expected.pop("codes")), f"{what}: other codes than if contiguous")
            for name, value in expected.items():
                expect_close(result[name], value, 1e-5, f"{what}: {name} is not that of a contiguous copy, off")


def _result(quantizer: Quantizer, z: Tensor) -> dict[str, Tensor]:
    torch.manual_seed(9)
    if not quantizer.training:
        out = quantizer(z)
        return {"codes": out.codes, "quantized": out.quantized}
    out, gradients = training_step(quantizer, z)
    return {"codes": out.codes, "quantized": out.quantized.detach(), "the gradient": gradients["the input"]}


@contract_line("the input and the codes to decode are left as they were")
def check_inputs_unchanged(make: Make) -> None:
    quantizer = trained(make)
    for training in (True, False):
        quantizer.train(training)
        z = 3 * latent(quantizer, 5, 3)
        before = z.clone()
        codes = quantizer(z).codes
        expect(torch.equal(z, before), "quantizing changed its input")
        before = codes.clone()
        quantizer.decode(codes)
        expect(torch.equal(codes, before), "decode changed its codes")
