"""`lgq`: learnable geometric quantization, a codebook that learns through soft assignments."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from quantizers.base import RowOutput
from quantizers.codebook import LearnedCodebook
from quantizers.distributed import differentiable_sum_over_ranks
from quantizers.estimators import straight_through
from quantizers.losses import mean_squared_error
from quantizers.options import check_number
from quantizers.search import nearest_codes
from quantizers.softmax import average_by_softmax
from quantizers.vector import CodebookQuantizer


class LGQ(CodebookQuantizer):
    """The nearest code c, whose gradient while training is that of the soft mean sum_k p_k c_k with
    p = softmax(-|z - c_k|^2 / tau) over all codes: it reaches z, and every code vector. In eval mode straight through.

    Loss: |q - z|^2 (its gradient passes the choice as well), a mean over elements, + lambda_peak (1 - E[sum_k p_k^2])
    + lambda_bins K sum_k E[p_k]^2, the last of the global batch. The first of the two makes each choice certain, the
    second keeps the codes in use; both are of training only. tau falls linearly over the training (`anneal`). No N x K
    matrix is held (`quantizers.softmax`).

    As in `vq` the first batch starts the codebook by k-means and dead codes become rows of the batch. In the authors'
    code the default start is rows of the first batch, and no code is replaced (`dead_threshold=0`).

    Use it where a learned codebook should be used evenly without a rule for its dead codes. Not where training time
    counts: a step takes eight products of all positions with all codes and two softmaxes, where `vq` takes one product.

    Args:
        dim: channels, the width of a code vector.
        codebook_size: number of code vectors K.
        lambda_peak: weight of the term that makes p one-sided.
        lambda_bins: weight of the term that spreads the mean of p; 1 is its least value.
        tau_start: tau at progress 0. It is in units of squared distance, of latents as they come: the authors normalise
            them (a layer norm, in their backbone).
        tau_end: tau at progress 1.
        dead_threshold: share of the mean usage below which a code is replaced by a row of the batch; 0 for
            never.
        kmeans_iterations: Lloyd steps on the first training batch; 0 keeps a random start.
    """

    is_straight_through = False

    tau: Float[Tensor, ""]

    def __init__(
        self,
        *,
        dim: int = 64,
        codebook_size: int = 16384,
        lambda_peak: float = 0.005,
        lambda_bins: float = 0.005,
        tau_start: float = 1.0,
        tau_end: float = 0.1,
        dead_threshold: float = 0.25,
        kmeans_iterations: int = 10,
    ) -> None:
        codebook = LearnedCodebook(
            codebook_size, dim, dead_threshold=dead_threshold, kmeans_iterations=kmeans_iterations
        )
        super().__init__(codebook)
        self.lambda_peak = check_number("lambda_peak", lambda_peak, 0)
        self.lambda_bins = check_number("lambda_bins", lambda_bins, 0)
        self.tau_start = check_number("tau_start", tau_start, 1e-6)
        self.tau_end = check_number("tau_end", tau_end, 1e-6)
        self.register_buffer("tau", torch.tensor(self.tau_start))

    def anneal(self, progress: float) -> None:
        """tau from start to end, linearly; `progress` in [0, 1]."""
        check_number("progress", progress, 0, 1)
        self.tau.fill_(self.tau_start + (self.tau_end - self.tau_start) * progress)

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        vectors = self.codebook().to(rows.dtype)
        codes = nearest_codes(rows, vectors)
        chosen = F.embedding(codes, vectors)
        if not self.training:
            distortion = mean_squared_error(chosen, rows)
            stats = {"distortion": distortion.detach(), **self.observe(rows, codes)}
            return RowOutput(straight_through(rows, chosen), codes.unsqueeze(1), distortion, stats)
        # a copy, as dead codes are replaced before the backward pass reads the vectors again
        means, squares, sums = average_by_softmax(rows, vectors.clone(), self.tau.to(rows.dtype))
        quantized = straight_through(means, chosen)
        distortion, count = mean_squared_error(quantized, rows), rows.shape[0]
        peak, bins = (count - squares) / max(count, 1), unevenness(sums)
        loss = distortion + self.lambda_peak * peak + self.lambda_bins * bins
        stats = {"distortion": distortion, "peak": peak, "bins": bins, "tau": self.tau.clone()}
        stats = {name: value.detach() for name, value in stats.items()} | self.observe(rows, codes)
        return RowOutput(quantized, codes.unsqueeze(1), loss, stats)


def unevenness(sums: Float[Tensor, " k"]) -> Float[Tensor, ""]:
    """K sum_k u_k^2 of the mean u over the *global* batch of distributions that `sums` is this rank's sum of: 1 where
    all codes are used alike, K where one is alone; 0 for an empty batch."""
    sums = differentiable_sum_over_ranks(sums)
    count = sums.detach().sum().clamp_min(1)  # each distribution sums to 1
    return (sums / count).square().sum() * sums.shape[0]
