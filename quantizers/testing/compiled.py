"""`torch.compile`: one graph in eval mode; in training the same gradient, from the first step on."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from quantizers.base import Quantizer
from quantizers.testing.contract import (
    Make,
    contract_line,
    expect,
    expect_close,
    latent,
    snapshot,
    trained,
    training_step,
)

BACKEND = "aot_eager"
"""Dynamo and autograd are what a quantizer can break; generating code would only cost minutes."""

TOLERANCE = 1e-5
"""A graph may add in another order."""


@contextmanager
def _compiled(quantizer: Quantizer, **options: Any) -> Iterator[Callable[..., Any]]:
    torch._dynamo.reset()
    yield torch.compile(quantizer, backend=BACKEND, **options)
    torch._dynamo.reset()


@contract_line("torch.compile(fullgraph=True) in eval mode gives the same codes, in float32 and float64")
def check_compile_eval(make: Make) -> None:
    for dtype, batch, *spatial in ((torch.float32, 2, 5, 3), (torch.float64, 3, 7)):
        quantizer = trained(make).eval().to(dtype)
        with _compiled(quantizer, fullgraph=True) as compiled:
            _expect_same_output(compiled, quantizer, latent(quantizer, *spatial, batch=batch, dtype=dtype))


def _expect_same_output(compiled: Callable[..., Any], quantizer: Quantizer, z: Tensor) -> None:
    out, expected = compiled(z), quantizer(z)
    what = f"input {tuple(z.shape)}, {z.dtype}"
    expect(torch.equal(out.codes, expected.codes), f"{what}: the compiled quantizer gives other codes")
    expect_close(out.quantized, expected.quantized, TOLERANCE, f"{what}: the compiled quantizer's output is off")


@contract_line("torch.compile in training: forward and backward as without it, from the first step on")
def check_compile_training(make: Make) -> None:
    torch.manual_seed(0)
    quantizer = make().train()
    expected = _training_steps(twin := copy.deepcopy(quantizer), twin)
    with _compiled(quantizer) as compiled:
        found = _training_steps(quantizer, compiled)
    for name, value in expected.items():
        expect_close(found[name], value, TOLERANCE, f"{name} is not that of the quantizer without compile, off")


def _training_steps(quantizer: Quantizer, call: Callable[..., Any]) -> dict[str, Tensor]:
    """Gradients of two steps, and the state that they leave."""
    found: dict[str, Tensor] = {}
    for step in range(2):
        torch.manual_seed(step)
        _, gradients = training_step(quantizer, latent(quantizer, 5, 3), call)
        found |= {f"step {step}: the gradient of {name}": value for name, value in gradients.items()}
    return found | snapshot(quantizer)
