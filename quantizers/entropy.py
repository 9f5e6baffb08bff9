"""Entropies: of a batch's code counts, and the exact ones of codes whose bits are independent."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.distributed import differentiable_sum_over_ranks, sum_over_ranks
from quantizers.elementwise_compiled import can_use_kernels, usage_of_counts
from quantizers.functions import called_in_place
from quantizers.precision import without_autocast

COUNTABLE = 2**20
"""Largest codebook whose codes are counted every step; beyond it counting outweighs the quantizing."""


def count_codes(codes: Int64[Tensor, " n"], codebook_size: int, dtype: torch.dtype) -> Float[Tensor, " k"]:
    """How often each code occurs. (`bincount` would sync with the host on CUDA and break a graph.)"""
    counts = torch.zeros(codebook_size, dtype=dtype, device=codes.device)
    return counts.index_add_(0, codes, torch.ones_like(codes, dtype=dtype))


def usage_stats(counts: Float[Tensor, " k"]) -> dict[str, Float[Tensor, ""]]:
    """`perplexity` = exp(entropy in nats) of the code counts and `usage`, the share of codes that occur."""
    if can_use_kernels(counts):
        perplexity, usage = usage_of_counts(counts)
    else:
        p, log_p, _ = _mean_and_log(counts)  # `torch.special.entr` is not vectorised
        perplexity, usage = torch.dot(p, log_p).neg().exp(), counts.sign().mean()
    return {"perplexity": perplexity, "usage": usage}


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
    @called_in_place
    def forward(sums: Tensor) -> Tensor:
        p, log_p, _ = _mean_and_log(sums)
        return -torch.dot(p.flatten(), log_p.flatten())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        (sums,) = ctx.saved_tensors
        _, log_p, count = _mean_and_log(sums)
        return (log_p + 1) * (-grad / count)


def _mean_and_log(sums: Float[Tensor, "*k"]) -> tuple[Float[Tensor, "*k"], Float[Tensor, "*k"], Float[Tensor, ""]]:
    """The mean distribution, its finite logarithm, and of how many it is."""
    count = sums.sum().clamp_min(1)  # each distribution sums to 1
    p = sums / count
    return p, p.clamp_min(torch.finfo(p.dtype).tiny).log_(), count


def bernoulli_entropy(logits: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """Entropy in nats of d independent bits with these logits, exact and finite for any finite logit."""
    return _BernoulliEntropy.apply(logits)[0]


class _BernoulliEntropy(torch.autograd.Function):
    @staticmethod
    @called_in_place
    def forward(logits: Tensor) -> tuple[Tensor, Tensor]:
        size, rarer = logits.abs(), _rarer(logits)
        # r log(1 / r) = r (m - log(1 - r)): no logarithm of a probability that may be 0
        return (size * rarer).sub_(torch.log1p(-rarer)).sum(1), rarer

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)  # of what has none
        ctx.save_for_backward(*inputs, output[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, _: Tensor | None) -> Tensor | None:  # type: ignore[override]
        if grad is None:
            return None
        logits, rarer = ctx.saved_tensors
        if torch.is_grad_enabled():  # to be differentiated again
            rarer = _rarer(logits)
        return (rarer * rarer - rarer).mul_(logits).mul_(grad.unsqueeze(1))


def _rarer(logits: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
    """The probability of the value of a bit that is not the likelier one."""
    return torch.sigmoid(-logits.abs())


def mean_code_entropy(logits: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Entropy in nats of the mean over the *global* batch of p(code), for codes of d independent bits.

    p(code) is a product over bits, so the mean over all 2^d codes is A^T B / N, where A and B hold the joint
    probabilities of the two halves of the bits: N x 2^(d/2) each, no N x 2^d tensor. Exact, with its
    gradient; the three products with 2^d N multiplications each, one forward and two backward, are most of the cost.
    """
    return mean_entropy(_CodeSums.apply(logits)[0])


class _CodeSums(torch.autograd.Function):
    """Sums over rows of p(code), as a matrix: values of the first half of the bits, values of the second."""

    @staticmethod
    @called_in_place
    def forward(logits: Tensor) -> tuple[Tensor, ...]:
        one, zero = torch.sigmoid(logits), torch.sigmoid(-logits)
        half = logits.shape[1] // 2
        left = _joint(one[:, :half], zero[:, :half])
        right = _joint(one[:, half:], zero[:, half:])
        return left.T @ right, one, zero, left, right

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, ...]) -> None:
        ctx.mark_non_differentiable(*output[1:])
        ctx.set_materialize_grads(False)  # of what has none
        ctx.save_for_backward(*inputs, *output[1:])

    @staticmethod
    def backward(ctx: Any, grad: Tensor | None, *_: Tensor | None) -> Tensor | None:  # type: ignore[override]
        if grad is None:
            return None
        logits, one, zero, left, right = ctx.saved_tensors
        with without_autocast(one.device.type):  # which a caller may have left on for the backward pass
            if torch.is_grad_enabled():  # to be differentiated again
                one, zero = torch.sigmoid(logits), torch.sigmoid(-logits)
                left, right = map(_differentiable_joint, logits.tensor_split([logits.shape[1] // 2], 1))
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


def _differentiable_joint(logits: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
    """The same of logits, slower and with a gradient."""
    is_one = _values_of_bits(logits.shape[1], logits)
    return (F.logsigmoid(logits) @ is_one.T + F.logsigmoid(-logits) @ (1 - is_one).T).exp()


def _values_of_bits(count: int, like: Tensor) -> Float[Tensor, "k d"]:
    """The bits of all values of so many."""
    bits = torch.arange(count, device=like.device)
    return (torch.arange(2**count, device=like.device).unsqueeze(1) >> bits & 1).to(like.dtype)


def _sums_by_bits(joint: Float[Tensor, "n k"]) -> Float[Tensor, "n 2 d"]:
    """For each bit, the sums over the values with a 0 there and over those with a 1."""
    count, size = joint.shape
    is_one = _values_of_bits(size.bit_length() - 1, joint)
    return (joint @ torch.cat([1 - is_one, is_one], 1)).view(count, 2, is_one.shape[1])
