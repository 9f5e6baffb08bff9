"""Entropies: of a batch's code counts, and the exact ones of codes whose bits are independent."""

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.distributed import differentiable_sum_over_ranks, sum_over_ranks

COUNTABLE = 2**20
"""Largest codebook whose codes are counted every step; beyond it counting outweighs the quantizing."""


def count_codes(codes: Int64[Tensor, " n"], codebook_size: int, dtype: torch.dtype) -> Float[Tensor, " k"]:
    """How often each code occurs. (`bincount` would sync with the host on CUDA and break a graph.)"""
    counts = torch.zeros(codebook_size, dtype=dtype, device=codes.device)
    return counts.index_add_(0, codes, torch.ones_like(codes, dtype=dtype))


def usage_stats(counts: Float[Tensor, " k"]) -> dict[str, Float[Tensor, ""]]:
    """`perplexity` = exp(entropy in nats) of the code counts and `usage`, the share of codes that occur."""
    p = counts / counts.sum().clamp_min(1)
    return {"perplexity": torch.special.entr(p).sum().exp(), "usage": (counts > 0).to(p.dtype).mean()}


def batch_usage(codes: Int64[Tensor, " n"], codebook_size: int, *, over_ranks: bool) -> dict[str, Float[Tensor, ""]]:
    """`usage_stats` of a batch, or of all ranks' batches; nothing for a codebook too large to count."""
    if codebook_size > COUNTABLE:
        return {}
    counts = count_codes(codes, codebook_size, torch.float32)
    return usage_stats(sum_over_ranks([counts])[0] if over_ranks else counts)


def mean_entropy(sums: Float[Tensor, "*k"]) -> Float[Tensor, ""]:
    """Entropy in nats of the mean over the *global* batch of distributions that `sums` is this rank's sum of.

    0 for an empty batch. Its gradient is finite where a probability is 0.
    """
    return _MeanEntropy.apply(differentiable_sum_over_ranks(sums))


class _MeanEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, sums: Tensor) -> Tensor:
        count = sums.sum().clamp_min(1)  # each distribution sums to 1
        p = sums / count
        log_p = p.clamp_min(torch.finfo(p.dtype).tiny).log_()
        ctx.save_for_backward(log_p, count)
        return -torch.dot(p.flatten(), log_p.flatten())

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        log_p, count = ctx.saved_tensors
        return (log_p + 1) * (-grad / count)


def bernoulli_entropy(logits: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """Entropy in nats of d independent bits with these logits, exact and finite for any finite logit."""
    return _BernoulliEntropy.apply(logits)


class _BernoulliEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> Tensor:
        size = logits.abs()
        rarer = torch.sigmoid(-size)  # r log(1 / r) = r (m - log(1 - r)): no logarithm of a probability that may be 0
        ctx.save_for_backward(logits, rarer)
        return (size * rarer).sub_(torch.log1p(-rarer)).sum(1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        logits, rarer = ctx.saved_tensors
        return (rarer * rarer - rarer).mul_(logits).mul_(grad.unsqueeze(1))


def mean_code_entropy(logits: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Entropy in nats of the mean over the *global* batch of p(code), for codes of d independent bits.

    p(code) is a product over bits, so the mean over all 2^d codes is A^T B / N, where A and B hold the joint
    probabilities of the two halves of the bits: N x 2^(d/2) each, no N x 2^d tensor. Exact, with its
    gradient; the three products with 2^d N multiplications each, one forward and two backward, are most of the cost.
    """
    return mean_entropy(_CodeSums.apply(logits))


class _CodeSums(torch.autograd.Function):
    """Sums over rows of p(code), as a matrix: values of the first half of the bits, values of the second."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> Tensor:
        one, zero = torch.sigmoid(logits), torch.sigmoid(-logits)
        half = logits.shape[1] // 2
        left = _joint(one[:, :half], zero[:, :half])
        right = _joint(one[:, half:], zero[:, half:])
        ctx.save_for_backward(one, zero, left, right)
        return left.T @ right

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        one, zero, left, right = ctx.saved_tensors
        with torch.autocast(one.device.type, enabled=False):  # which a caller may have left on for the backward pass
            of_left = _sums_by_bits((right @ grad.T).mul_(left))
            of_right = _sums_by_bits((left @ grad).mul_(right))
        with_zero, with_one = torch.cat([of_left, of_right], 2).unbind(1)
        # d p(code) / d logit is p(code) times 1 - one where the bit is 1, times -one where it is 0
        return (zero * with_one).addcmul_(one, with_zero, value=-1)


def _joint(one: Float[Tensor, "n d"], zero: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
    """Probabilities of all 2^d joint values of d independent bits; bit i of a value belongs to column i."""
    joint = one.new_empty(one.shape[0], 2 ** one.shape[1])
    joint[:, 0] = 1
    for bit in range(one.shape[1]):
        width = 2**bit
        torch.mul(joint[:, :width], one[:, bit : bit + 1], out=joint[:, width : 2 * width])
        joint[:, :width] *= zero[:, bit : bit + 1]
    return joint


def _sums_by_bits(joint: Float[Tensor, "n k"]) -> Float[Tensor, "n 2 d"]:
    """For each bit, the sums over the values with a 0 there and over those with a 1."""
    count, size = joint.shape
    bits = torch.arange(size.bit_length() - 1, device=joint.device)
    is_one = torch.arange(size, device=joint.device).unsqueeze(1) >> bits & 1
    return (joint @ torch.cat([1 - is_one, is_one], 1).to(joint.dtype)).view(count, 2, len(bits))
