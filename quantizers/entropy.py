"""Entropies: of a batch's code counts, and the exact ones of codes whose bits are independent."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.distributed import differentiable_sum_over_ranks, sum_over_ranks

COUNTABLE = 2**20
"""Largest codebook whose codes are counted every step; beyond it counting outweighs the quantizing."""


def count_codes(codes: Int64[Tensor, "n"], codebook_size: int, dtype: torch.dtype) -> Float[Tensor, "k"]:
    """How often each code occurs. (`bincount` would sync with the host on CUDA and break a graph.)"""
    counts = torch.zeros(codebook_size, dtype=dtype, device=codes.device)
    return counts.index_add_(0, codes, torch.ones_like(codes, dtype=dtype))


def usage_stats(counts: Float[Tensor, "k"]) -> dict[str, Float[Tensor, ""]]:
    """`perplexity` = exp(entropy in nats) of the code counts and `usage`, the share of codes that occur."""
    p = counts / counts.sum().clamp_min(1)
    return {"perplexity": torch.special.entr(p).sum().exp(), "usage": (counts > 0).to(p.dtype).mean()}


def batch_usage(codes: Int64[Tensor, "n"], codebook_size: int, *, over_ranks: bool) -> dict[str, Float[Tensor, ""]]:
    """`usage_stats` of a batch, or of all ranks' batches; nothing for a codebook too large to count."""
    if codebook_size > COUNTABLE:
        return {}
    counts = count_codes(codes, codebook_size, torch.float32)
    return usage_stats(sum_over_ranks([counts])[0] if over_ranks else counts)


def bernoulli_entropy(logits: Float[Tensor, "n d"]) -> Float[Tensor, "n"]:
    """Entropy in nats of d independent bits with these logits, exact and finite for any finite logit."""
    size = logits.abs()  # H is even, and on this side free of cancellation: log(1 + e^-m) + m / (1 + e^m)
    return (F.softplus(-size) + size * torch.sigmoid(-size)).sum(1)


def mean_code_entropy(logits: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Entropy in nats of the mean over the *global* batch of p(code), for codes of d independent bits.

    p(code) is a product over bits, so the mean over all 2^d codes is A^T B / N, where A and B hold the joint
    probabilities of the two halves of the bits: N x 2^(d/2) each, no N x 2^d tensor. Exact, with its
    gradient.
    """
    half = logits.shape[1] // 2
    sums = _joint(logits[:, :half]).T @ _joint(logits[:, half:])
    count = sums.new_full((1,), logits.shape[0])
    total = differentiable_sum_over_ranks(torch.cat([sums.flatten(), count]))
    p = total[:-1] / total[-1].clamp_min(1)
    # p log p with p clamped inside the logarithm only: 0 at p = 0, and a finite gradient there
    return -(p * p.clamp_min(torch.finfo(p.dtype).tiny).log()).sum()


def _joint(logits: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
    """Probabilities of all 2^d joint values of d independent bits."""
    joint = logits.new_ones(logits.shape[0], 1)
    for one, zero in zip(torch.sigmoid(logits).unbind(1), torch.sigmoid(-logits).unbind(1), strict=True):
        joint = torch.cat([joint * zero.unsqueeze(1), joint * one.unsqueeze(1)], 1)
    return joint
