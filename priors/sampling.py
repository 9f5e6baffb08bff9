"""How tokens are drawn from a prior's logits."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.validation import check_integer, check_number


class SamplingStopped(Exception):
    """The user asked to stop; nothing of the pictures is kept."""


@dataclass(frozen=True)
class Sampling:
    """What becomes of the logits before a token is drawn. The defaults draw from the model as it is."""

    temperature: float = 1.0
    """Divides the logits."""
    top_k: int | None = None
    """Draw from this many of the likeliest values."""
    top_p: float | None = None
    """Draw from the fewest values, likeliest first, that have this probability together (nucleus sampling)."""
    guidance: float = 1.0
    """Scale of classifier-free guidance; 1 is none."""
    steps: int = 8
    """MaskGIT: forward passes that a picture is made in."""
    choice_temperature: float = 4.5
    """MaskGIT: Gumbel noise on the confidence by which tokens are kept, at first; it falls to 0."""

    def __post_init__(self) -> None:
        check_number("guidance", self.guidance, 0)
        check_number("choice_temperature", self.choice_temperature, 0)
        check_number("temperature", self.temperature, 0)
        if not self.temperature:
            raise ValueError("temperature must be above 0; take top_k=1 for the likeliest value.")
        if self.top_k is not None:
            check_integer("top_k", self.top_k, 1)
        if self.top_p is not None:
            check_number("top_p", self.top_p, 0, 1)
            if not self.top_p:
                raise ValueError("top_p must be above 0; take top_k=1 for the likeliest value.")
        check_integer("steps", self.steps, 1)


def guided(
    conditional: Float[Tensor, "*b v"], unconditional: Float[Tensor, "*b v"], scale: float
) -> Float[Tensor, "*b v"]:
    """Logits of p(x | class)^scale p(x)^(1 - scale), up to a constant (Ho and Salimans 2022, arXiv:2207.12598).

    Their guidance strength w is scale - 1.
    """
    if scale == 1:
        return conditional
    difference = conditional - unconditional
    # both are -inf where a value cannot be
    return torch.where(conditional == -math.inf, conditional, unconditional + scale * difference)


def filter_logits(logits: Float[Tensor, "*b v"], sampling: Sampling) -> Float[Tensor, "*b v"]:
    """Logits over the temperature, and -inf for values outside of the top k, then of the top p of what is left."""
    logits = logits / sampling.temperature
    if sampling.top_k is None and sampling.top_p is None:
        return logits
    size = logits.shape[-1]
    kept, values = logits.topk(size if sampling.top_k is None else min(sampling.top_k, size))
    if sampling.top_p is not None:
        p = kept.softmax(-1)
        kept = kept.masked_fill(p.cumsum(-1) - p >= sampling.top_p, -math.inf)  # the likeliest has none before it
    return torch.full_like(logits, -math.inf).scatter(-1, values, kept)


def draw(logits: Float[Tensor, "*b v"], generator: torch.Generator | None = None) -> Int64[Tensor, "*b"]:
    """One value each from softmax(logits), by the smallest of exponential waiting times.

    `torch.multinomial` would have a GPU wait for its checks at every token.
    """
    p = logits.float().softmax(-1)
    return (p / torch.empty_like(p).exponential_(generator=generator)).argmax(-1)
