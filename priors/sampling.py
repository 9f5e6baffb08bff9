"""How tokens are drawn from a prior's logits."""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from priors.settings import Sampling


class SamplingStopped(Exception):
    """The user asked to stop; nothing of the pictures is kept."""


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
