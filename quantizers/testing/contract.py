"""The list of checks, and what they share."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from quantizers.base import Quantizer, QuantizerOutput

Make = Callable[[], Quantizer]


class ContractError(AssertionError):
    """A quantizer broke a line of the contract; the message names the line."""


@dataclass(frozen=True)
class Check:
    """One line of the contract: `run(make)` raises `ContractError` if the quantizer that `make` builds breaks it."""

    name: str
    line: str
    run: Callable[[Make], None]


CHECKS: dict[str, Check] = {}
"""All checks by name, in the order in which they run."""


def contract_line(line: str) -> Callable[[Callable[[Make], None]], Callable[[Make], None]]:
    """Decorator that adds a function `check_<name>(make)` to `CHECKS` as the line it stands for."""

    def register(function: Callable[[Make], None]) -> Callable[[Make], None]:
        name = function.__name__.removeprefix("check_").replace("_", "-")
        CHECKS[name] = Check(name, line, function)
        return function

    return register


def expect(condition: object, message: str) -> None:
    """Raise `ContractError` with `message` unless `condition` holds."""
    if not condition:
        raise ContractError(message)


def latent(quantizer: Quantizer, *spatial: int, batch: int = 2, dtype: torch.dtype = torch.float32) -> Tensor:
    """A reproducible Gaussian input of the quantizer's width, with a mean, so that nothing is centred by luck."""
    generator = torch.Generator().manual_seed(1234)
    z = torch.randn(batch, quantizer.dim, *spatial, generator=generator, dtype=torch.float64)
    return (z + 0.1).to(dtype)


def trained(make: Make) -> Quantizer:
    """A quantizer in training mode after two steps on data, so that codebooks have started and moved."""
    torch.manual_seed(0)
    quantizer = make().train()
    for _ in range(2):
        quantizer(latent(quantizer, 7, 5, batch=4))
    return quantizer


def objective(out: QuantizerOutput) -> Tensor:
    """A scalar that depends on every element of `quantized` and on the loss, and averages over the batch."""
    weight = torch.linspace(-1, 1, out.quantized[:1].numel(), dtype=out.quantized.dtype).view_as(out.quantized[:1])
    return (out.quantized * weight).mean() + out.loss


def expect_equal_states(before: dict[str, Tensor], after: dict[str, Tensor], message: str) -> None:
    """Raise `ContractError` unless two state dicts are equal, naming the entry that differs."""
    expect(before.keys() == after.keys(), f"{message}: entries {sorted(before.keys() ^ after.keys())}")
    for name, value in before.items():
        expect(torch.equal(value, after[name]), f"{message}: {name}")


def snapshot(module: Quantizer) -> dict[str, Tensor]:
    """A copy of the module's state: parameters and all buffers, persistent or not."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    return {name: value.detach().clone() for name, value in tensors}
