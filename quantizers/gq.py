"""`gq`: Gaussian Quant, a Gaussian VAE whose codes are random numbers of its prior, with nothing to train in them."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor
from torch.quasirandom import SobolEngine

from quantizers.base import Quantizer, RowOutput
from quantizers.codebook import MAX_BITS, size_for_bits
from quantizers.distributed import sum_over_ranks
from quantizers.entropy import batch_usage
from quantizers.estimators import straight_through
from quantizers.ibq import largest_products
from quantizers.options import check_integer, check_number
from quantizers.precision import at_least_single
from quantizers.uncompiled import uncompiled

LOG_VARIANCES = (-30.0, 20.0)
"""Between which those of a latent are taken, as usual in Gaussian VAEs."""

SEED = 42
"""Of the codebook, the authors'."""

FARTHEST = 6.0
"""A number of the codebook at most; single ones of a standard normal distribution are not found beyond it."""

LEAST, MOST = 1e-3, 1e3
"""Of the weights of positions that are past the tolerance."""


class GQ(Quantizer):
    """The latent is mean and log variance of a Gaussian q for each position, the codebook K vectors c of the standard
    normal distribution p, drawn once. While training nothing is quantized: the output is a sample of q, as in a VAE. In
    eval mode it is the vector of the largest q(c) / p(c)^beta.

    A code can stand for q where KL(q || p), in bits, is no more than log2 K. The loss keeps it there (the paper's
    target divergence constraint): kl_weight lam E[w KL], where w is lam_max for positions with more than `tolerance`
    bits above log2 K, lam_min below, else 1. After each step lam grows by `lam_factor` where the mean divergence of the
    global batch is above log2 K, and else shrinks; so do lam_max, from 1 up, where there is a position too high, and
    lam_min, from 1 down, where there is none too low. Codes while training are those of eval mode.

    Input and output have one width, so that of `dim` channels the first half is the mean (in the output the code's
    vector) and the second half the log variance (in the output 0).

    Use it where a continuous and a discrete latent are wanted of one model: training mode alone is between them. Not in
    trainings of some hundred steps: lam takes 231 of them to change tenfold.

    Args:
        dim: channels in and out, an even number: twice the width of a code vector.
        codebook_size: number of code vectors K.
        kl_weight: weight of the divergence at the start, beside a mean squared or absolute error of the signal; lam
            then adapts it. The authors' 0.1 is beside a sum over 192 values for each position.
        tolerance: bits that a position may be off without another weight.
        lam_factor: by how much the weights change in a step; 1 keeps them.
        beta: how much p counts when a code is chosen.
    """

    is_straight_through = False

    table: Float[Tensor, "k d"]
    lam: Float[Tensor, ""]
    lam_min: Float[Tensor, ""]
    lam_max: Float[Tensor, ""]

    def __init__(
        self,
        *,
        dim: int = 32,
        codebook_size: int = 65536,
        kl_weight: float = 0.1 / 192,
        tolerance: float = 0.5,
        lam_factor: float = 1.01,
        beta: float = 1.0,
    ) -> None:
        dim = check_integer("dim", dim, 2, 2 * SobolEngine.MAXDIM)
        if dim % 2:
            raise ValueError(f"dim must be an even number, a mean and a log variance for each channel, got {dim}")
        super().__init__(dim=dim, codebook_size=check_integer("codebook_size", codebook_size, 1, 2**MAX_BITS))
        self.kl_weight = check_number("kl_weight", kl_weight, 0)
        self.tolerance = check_number("tolerance", tolerance, 0)
        self.lam_factor = check_number("lam_factor", lam_factor, 1, 2)
        self.beta = check_number("beta", beta, 0, 1)
        self.register_buffer("table", normal_vectors(self.codebook_size, dim // 2))
        for name in ("lam", "lam_min", "lam_max"):
            self.register_buffer(name, torch.tensor(1.0))
        self._learns = True

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        return {"codebook_size": size_for_bits(bits)}

    def requires_grad_(self, requires_grad: bool = True) -> "GQ":
        """Whether the weights of the divergence follow it."""
        self._learns = requires_grad
        super().requires_grad_(requires_grad)
        return self

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        mean, log_variance = rows.chunk(2, 1)
        log_variance = log_variance.clamp(*LOG_VARIANCES)
        codes = likeliest(mean.detach(), log_variance.detach(), at_least_single(self.table), self.beta)
        if self.training:
            noise = torch.randn(mean.shape, device=mean.device).to(mean.dtype)
            vectors = mean + (log_variance / 2).exp() * noise
        else:
            vectors = straight_through(mean, F.embedding(codes, self.table).to(rows.dtype))
        bits = divergence(mean, log_variance)
        stats = {
            "divergence_bits": bits.detach().sum() / max(rows.shape[0], 1),
            "lam": self.lam.clone(),
            **batch_usage(codes, self.codebook_size, over_ranks=self.training),
        }
        loss = self._penalty_of_a_step(bits) if self.training else self._penalty(bits)
        return RowOutput(F.pad(vectors, (0, vectors.shape[1])), codes.unsqueeze(1), loss, stats)

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        return F.pad(F.embedding(codes.squeeze(1), self.table), (0, self.dim // 2))

    def _above(self, bits: Float[Tensor, " n"]) -> Tensor:
        return bits > self.bits_per_position + self.tolerance

    def _below(self, bits: Float[Tensor, " n"]) -> Tensor:
        return bits < self.bits_per_position - self.tolerance

    def _weights(self, bits: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        inside = torch.where(self._below(bits), self.lam_min, 1.0)
        return torch.where(self._above(bits), self.lam_max, inside).to(bits.dtype)

    def _penalty(self, bits: Float[Tensor, " n"]) -> Float[Tensor, ""]:
        return self.kl_weight * self.lam * (self._weights(bits) * bits).sum() / max(bits.shape[0], 1)

    @uncompiled  # a graph's backward pass takes the weights as they are after the step (pytorch/pytorch#197039)
    def _penalty_of_a_step(self, bits: Float[Tensor, " n"]) -> Float[Tensor, ""]:
        penalty = self._penalty(bits)
        if self._learns:
            self._follow(bits.detach())
        return penalty

    @torch.no_grad()
    def _follow(self, bits: Float[Tensor, " n"]) -> None:
        """One step of the three weights, by the divergences of the global batch."""
        sums = [bits.sum(), self._above(bits).sum(), self._below(bits).sum(), bits.new_full((), bits.shape[0])]
        total, above, below, count = sum_over_ranks([torch.stack([part.to(bits.dtype) for part in sums])])[0]
        present = count > 0  # a batch that is empty on all ranks changes nothing
        self._change(self.lam, present, total > count * self.bits_per_position)
        self._change(self.lam_max, present, above > 0)
        self._change(self.lam_min, present, below == 0)
        self.lam.clamp_(LEAST**3, MOST**3)  # which the authors leave free
        self.lam_max.clamp_(1, MOST)
        self.lam_min.clamp_(LEAST, 1)

    def _change(self, weight: Float[Tensor, ""], present: Tensor, grows: Tensor) -> None:
        factor = torch.where(grows, self.lam_factor, 1 / self.lam_factor)
        weight.mul_(torch.where(present, factor, 1.0))


def divergence(mean: Float[Tensor, "n d"], log_variance: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
    """KL(N(mean, variance) || N(0, I)) in bits."""
    nats = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
    return nats / math.log(2)


def likeliest(
    mean: Float[Tensor, "n d"], log_variance: Float[Tensor, "n d"], table: Float[Tensor, "k d"], beta: float
) -> Int64[Tensor, " n"]:
    """Index of the vector c of the largest log q(c) - beta log p(c), for q = N(mean, variance) and p = N(0, I).

    But for what is equal for all vectors it is the inner product of (mean / variance, beta / 2 - 1 / (2 variance)) and
    (c, c^2), so that the search needs no N x K matrix. Both sides of it are scaled by the least variance and brought
    into the range of float32, which changes no choice.
    """
    least = log_variance.amin(1, keepdim=True)
    certainty = (least - log_variance).exp()
    features = torch.cat([mean * certainty, (beta * least.exp() - certainty) / 2], 1)
    features = features / features.abs().amax(1, keepdim=True).clamp_min(torch.finfo(features.dtype).tiny)
    return largest_products(features, torch.cat([table, table.square()], 1).to(features.dtype))


def normal_vectors(count: int, dim: int) -> Float[Tensor, "k d"]:
    """The codebook: a scrambled Sobol sequence through the inverse of the normal distribution function, which fills the
    space more evenly than independent numbers do; the same wherever it is made, and stored all the same."""
    with torch.device("cpu"):
        uniform = SobolEngine(dim, scramble=True, seed=SEED).draw(count)
        vectors = torch.special.ndtri(uniform.double()).clamp(-FARTHEST, FARTHEST)
    return vectors.to(torch.get_default_device(), torch.get_default_dtype())
