"""The list of checks, and what they share."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from quantizers.base import Quantizer, QuantizerOutput

Make = Callable[[], Quantizer]

Exempt = Callable[[Quantizer], str | None]
"""Why a line is not asked of a quantizer, said by its declared attributes alone; None where it is."""


class ContractError(AssertionError):
    """A quantizer broke a line of the contract; the message names the line."""


@dataclass(frozen=True)
class Check:
    """One line of the contract.

    Attributes:
        name: short name.
        line: what is promised.
        run: `run(make)` raises `ContractError` if the quantizer that `make` builds breaks it.
        exempt: why the line is not asked of a quantizer; None where it is, which is everywhere for most lines.
    """

    name: str
    line: str
    run: Callable[[Make], None]
    exempt: Exempt = lambda quantizer: None


CHECKS: dict[str, Check] = {}
"""All checks by name, in the order in which they run."""


def contract_line(
    line: str, *, exempt: Exempt = lambda quantizer: None
) -> Callable[[Callable[[Make], None]], Callable[[Make], None]]:
    """Decorator that adds a function `check_<name>(make)` to `CHECKS` as the line it stands for."""

    def register(function: Callable[[Make], None]) -> Callable[[Make], None]:
        name = function.__name__.removeprefix("check_").replace("_", "-")
        CHECKS[name] = Check(name, line, function, exempt)
        return function

    return register


def unless(attribute: str, *, default: bool) -> Exempt:
    """Exempts quantizers whose attribute is false; `default` stands for one that does not declare it."""
    return lambda quantizer: None if getattr(quantizer, attribute, default) else f"{attribute} is False"


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
    for progress in (0.0, 0.5):
        quantizer.anneal(progress)
        quantizer(latent(quantizer, 7, 5, batch=4))
    return quantizer


def objective(out: QuantizerOutput) -> Tensor:
    """A scalar that depends on every element of `quantized` and on the loss, and averages over the batch."""
    weight = torch.linspace(-1, 1, out.quantized[:1].numel(), dtype=out.quantized.dtype, device=out.quantized.device)
    return (out.quantized * weight.view_as(out.quantized[:1])).mean() + out.loss


def training_step(
    quantizer: Quantizer, z: Tensor, call: Callable[[Tensor], QuantizerOutput] | None = None
) -> tuple[QuantizerOutput, dict[str, Tensor]]:
    """Output of one step, and the gradients of `objective` that reach the input and the parameters, by name.

    `call` is what is called in the quantizer's place, such as its compiled self.
    """
    quantizer.zero_grad()
    z = z.detach().requires_grad_()
    out = (quantizer if call is None else call)(z)
    objective(out).backward()
    leaves = {"the input": z, **dict(quantizer.named_parameters())}
    return out, {name: leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}


def snapshot(module: Quantizer) -> dict[str, Tensor]:
    """A copy of the module's state: parameters and all buffers, persistent or not."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    return {name: value.detach().clone() for name, value in tensors}


def expect_equal(tensors: dict[str, Tensor], others: dict[str, Tensor], message: str) -> None:
    """Raise `ContractError` unless two named sets of tensors are equal, naming the first that differs."""
    expect(tensors.keys() == others.keys(), f"{message}: entries {sorted(tensors.keys() ^ others.keys())}")
    for name, value in tensors.items():
        expect(torch.equal(value, others[name]), f"{message}: {name}")


def expect_close(value: Tensor, expected: Tensor, tolerance: float, message: str) -> None:
    """Raise `ContractError` unless two tensors agree to `tolerance` times the largest element of `expected`."""
    expect(tuple(value.shape) == tuple(expected.shape), f"{message}: shape {tuple(value.shape)}")
    if expected.numel():
        expected = expected.double()
        gap = (value.double() - expected).abs().max() / expected.abs().max().clamp_min(1e-8)
        expect(gap <= tolerance, f"{message} by {gap:.1e} of the largest value")
