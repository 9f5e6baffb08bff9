"""A prior in fixed-point numbers: probabilities that are equal to the last bit wherever they are computed.

A stream of entropy-coded codes falls apart where its reader computes one probability otherwise than its writer.
Floating-point networks do: sums depend on the order in which they are added, and that on batch, threads, processor and
compiler (facebookresearch/encodec pull request 95, CompressAI issues 279 and 309). Here every number is a multiple of a
power of two, and small enough that sums of products are whole numbers below 2^53 of such units: float64 holds them
exactly, in whatever order they are added up, with or without fused multiplication. Quotients and square roots are
rounded to whole units and put right where a machine's division is off; exponentials and GELU are looked up.

What it costs in likelihood is measured in the tests: less than a thousandth.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from priors.attention import Attention, rotate
from priors.embedding import SequenceInput, rotations
from priors.prior import Prior

AnyPrior = TypeVar("AnyPrior", bound=Prior)

STATE = 16
"""Binary places of what branches are added to, and of the embeddings."""
FACTOR = 12
"""Binary places of what is multiplied with weights, keys and values."""
LARGEST_FACTOR = 2.0**9
WEIGHT = 17
"""Binary digits of a layer's largest weight."""
LARGEST_TABLE = 2.0**3
"""Of a number in an embedding or a norm."""
CIRCLE = 14
"""Binary places of sines and cosines."""
EXPONENT = 10
"""Binary places of the exponents of 2."""
ATTENTION, PROBABILITY = 18, 24
"""Binary places of unnormalised attention weights, and of probabilities."""
LONGEST_SUM = 2**12
"""Terms of any sum of products but a linear layer's, which may have four times as many, and that below."""
LONGEST_PRODUCT = 2**11
"""Channels of a head: two factors may have 21 digits each."""
LARGEST_WEIGHT = 2.0**6
"""Of a layer, so that states stay below 2^37."""
LARGEST_STATE = 2.0**24
"""That a norm tells from larger ones."""


def fixed_point(prior: AnyPrior) -> AnyPrior:
    """A copy in eval mode whose `forward` is reproducible to the last bit, in float64; it cannot be trained.

    Raises:
        ValueError: sizes or weights for which sums are not exact.
    """
    for name, size in {"width": prior.config.width, "sequence": prior.layout.steps + 1}.items():
        if size > LONGEST_SUM:
            raise ValueError(f"a prior in fixed point has a {name} of at most {LONGEST_SUM}, got {size}.")
    fixed = copy.deepcopy(prior).double().eval().requires_grad_(False)
    _replace(fixed)
    for name, parameter in fixed.named_parameters():
        if parameter.abs().max() >= LARGEST_TABLE:
            raise ValueError(f"{name} has numbers of {LARGEST_TABLE:g} and more, for which fixed point has no room.")
        parameter.copy_(on_grid(parameter, STATE))
    for module in fixed.modules():
        if isinstance(module, SequenceInput) and module.rotation is not None:
            channels = prior.config.width // prior.config.heads
            turns = rotations(prior.layout, channels, torch.float64).to(module.rotation.device)
            del module._constants["rotation"]
            module.register_buffer("rotation", on_grid(turns, CIRCLE))
    return fixed


def weights(logits: Float[Tensor, "*b v"]) -> Float[Tensor, "*b v"]:
    """Whole numbers in proportion to the probabilities, that of the likeliest being 2^24; of logits of a prior in fixed
    point reproducible to the last bit."""
    exponents = _times(on_grid(logits.clamp_min(-(2.0**20)), FACTOR), math.log2(math.e))
    return _power_of_two(exponents - exponents.amax(-1, keepdim=True), PROBABILITY).mul_(2.0**PROBABILITY)


def on_grid(x: Tensor, places: int) -> Tensor:
    """Rounded to so many binary places."""
    return (x * 2.0**places).round_().mul_(2.0**-places)


def quotient(numerator: Tensor, denominator: Tensor) -> Tensor:
    """The floor of a / b, b > 0, whatever a machine's division does with the last bits; of at most 52 digits each."""
    q = (numerator / denominator).floor_()
    rest = numerator - q * denominator
    return q + (rest >= denominator).double() - (rest < 0).double()


def root(square: Tensor) -> Tensor:
    """The floor of the square root of whole numbers below 2^52, likewise."""
    r = square.sqrt().floor_()
    return r + ((r + 1) ** 2 <= square).double() - (r**2 > square).double()


@lru_cache
def exponentials(places: int, device: torch.device) -> Float[Tensor, " t"]:
    """2^-x of so many places, for x = 0, 2^-10, … until it is 0. The last digit is a machine's power function's, so
    whoever promises equal bits compares these, too."""
    steps = range((places + 2) << EXPONENT)
    values = [round(2.0 ** (places - step / 2**EXPONENT)) / 2**places for step in steps]
    return torch.tensor([*values, 0.0], dtype=torch.float64, device=device)


@lru_cache
def _powers(device: torch.device) -> Float[Tensor, " t"]:
    return torch.tensor([2.0**exponent for exponent in range(-512, 512)], dtype=torch.float64, device=device)


def raised(x: Tensor, exponent: Tensor) -> Tensor:
    """x times 2 to a whole power of -512 to 511; `torch.ldexp` takes a power function's word for it."""
    return x * _powers(x.device)[exponent + 512]


def digits(whole: Float[Tensor, "*b"]) -> Int64[Tensor, "*b"]:
    """How many binary digits whole numbers have, 0 of 0; those of `torch.frexp` do not compile in float64."""
    return ((whole.view(torch.int64) >> 52) - 1022).clamp_min(0)


def _times(x: Tensor, constant: float) -> Tensor:
    """Exponents of 2: numbers below 2^20, of at most 12 places, times a constant."""
    return on_grid(x * (round(constant * 2**20) / 2**20), EXPONENT)


def _power_of_two(exponents: Tensor, places: int) -> Tensor:
    """2^x, x at most 0, of so many places."""
    table = exponentials(places, exponents.device)
    steps = (exponents * -(2.0**EXPONENT)).clamp_max_(len(table) - 1).long()
    return table[steps]


class FixedLinear(nn.Module):
    """A linear layer: factors in, states out."""

    weight: Tensor
    bias: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        if linear.in_features > 4 * LONGEST_SUM:
            raise ValueError(f"a layer in fixed point has at most {4 * LONGEST_SUM} inputs, got {linear.in_features}.")
        largest = max(numbers.abs().max().item() for numbers in (linear.weight, linear.bias))
        if largest >= LARGEST_WEIGHT:
            raise ValueError(f"a layer has weights of {LARGEST_WEIGHT:g} and more, for which fixed point has no room.")
        _, exponent = math.frexp(linear.weight.abs().max().item())
        self.register_buffer("weight", on_grid(linear.weight.detach(), WEIGHT - exponent))
        self.register_buffer("bias", on_grid(linear.bias.detach(), STATE))

    def forward(self, x: Float[Tensor, "*b c"]) -> Float[Tensor, "*b d"]:
        return on_grid(nn.functional.linear(_factor(x), self.weight), STATE).add_(self.bias)


class FixedNorm(nn.Module):
    """A layer norm: states in, factors out."""

    weight: Tensor
    bias: Tensor

    def __init__(self, norm: nn.LayerNorm) -> None:
        super().__init__()
        channels = norm.weight.shape[0]
        self.register_buffer("weight", on_grid(norm.weight.detach(), FACTOR))
        self.register_buffer("bias", on_grid(norm.bias.detach(), FACTOR))
        for numbers in (self.weight, self.bias):
            if numbers.abs().max() >= LARGEST_TABLE:
                raise ValueError(
                    f"a norm has numbers of {LARGEST_TABLE:g} and more, for which fixed point has no room."
                )
        self.channels, self.epsilon = channels, norm.eps * channels
        self.root_of_channels = round(math.sqrt(channels) * 2**16) / 2**16

    def forward(self, x: Float[Tensor, "*b c"]) -> Float[Tensor, "*b c"]:
        units = x.clamp(-LARGEST_STATE, LARGEST_STATE) * 2.0**STATE
        mean = quotient(units.sum(-1, keepdim=True), torch.full_like(x[..., :1], self.channels))
        centred = units - mean
        # all rows in one range, by a power of two: the largest at 2^19 to 2^20
        shift = 20 - digits(centred.abs().amax(-1, keepdim=True))
        centred = raised(centred, shift).round_()
        epsilon = raised(torch.full_like(mean, self.epsilon * 4.0**STATE), 2 * shift).clamp_max_(2.0**51).floor_()
        squares = centred.square().sum(-1, keepdim=True) + epsilon
        # the root of a number of 50 to 52 digits has 25 to 26
        up = (52 - digits(squares)) // 2
        deviation = raised(root(raised(squares, 2 * up).floor_()).clamp_min_(1), -up)
        normalised = quotient(centred * (self.root_of_channels * 2.0**FACTOR), deviation) * 2.0**-FACTOR
        return on_grid(normalised * self.weight, FACTOR).add_(self.bias)


class FixedGELU(nn.Module):
    """GELU from a table: states in, factors out."""

    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        places = (step / 2**FACTOR for step in range(-8 << FACTOR, (8 << FACTOR) + 1))
        values = [round(x * (1 + math.erf(x / math.sqrt(2))) / 2 * 2**FACTOR) / 2**FACTOR for x in places]
        self.register_buffer("table", torch.tensor(values, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        x = on_grid(x, FACTOR)
        return torch.where(x > 8, x, self.table[((x.clamp(-8, 8) + 8) * 2.0**FACTOR).long()])


class FixedAttention(Attention):
    """Self-attention: factors in, states out."""

    def __init__(self, attention: Attention) -> None:
        nn.Module.__init__(self)
        self.heads, self.causal = attention.heads, attention.causal
        channels = attention.in_proj.in_features // attention.heads
        if channels > LONGEST_PRODUCT:
            raise ValueError(f"heads in fixed point have at most {LONGEST_PRODUCT} channels, got {channels}.")
        self.in_proj = nn.Sequential(FixedLinear(attention.in_proj), Factors())  # type: ignore[assignment]
        self.out_proj = FixedLinear(attention.out_proj)  # type: ignore[assignment]

    def turn(self, x: Float[Tensor, "b h n r"], rotation: Float[Tensor, "2 n c"]) -> Float[Tensor, "b h n r"]:
        return _factor(rotate(x, rotation))

    def attend(
        self, q: Float[Tensor, "b h n r"], k: Float[Tensor, "b h m r"], v: Float[Tensor, "b h m r"]
    ) -> Float[Tensor, "b h n r"]:
        n, channels = q.shape[2:]
        scores = on_grid(q @ k.transpose(-1, -2), FACTOR).clamp_(-(2.0**20), 2.0**20)
        exponents = _times(scores, math.log2(math.e) / math.sqrt(channels))
        if self.causal and n > 1:
            exponents.masked_fill_(torch.ones(n, n, dtype=torch.bool, device=q.device).triu_(1), -math.inf)
        shares = _power_of_two(exponents - exponents.amax(-1, keepdim=True), ATTENTION)
        total = shares.sum(-1, keepdim=True)
        return quotient((shares @ v) * 2.0 ** (FACTOR + 1) + total, 2 * total) * 2.0**-FACTOR


class Factors(nn.Module):
    """From states to factors."""

    def forward(self, x: Tensor) -> Tensor:
        return _factor(x)


def _factor(x: Tensor) -> Tensor:
    return on_grid(x, FACTOR).clamp_(-LARGEST_FACTOR, LARGEST_FACTOR)


FIXED: Mapping[type[nn.Module], Callable[..., nn.Module]] = {
    nn.Linear: FixedLinear,
    nn.LayerNorm: FixedNorm,
    nn.GELU: lambda gelu: FixedGELU(),
    Attention: FixedAttention,
}


def _replace(module: nn.Module) -> None:
    for name, child in module.named_children():
        make = FIXED.get(type(child))
        if make is None:
            _replace(child)
        else:
            setattr(module, name, make(child))
