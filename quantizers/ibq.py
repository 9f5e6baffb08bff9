"""`ibq`: index backpropagation, a codebook of which every code gets a gradient at every step."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from quantizers.base import RowOutput
from quantizers.codebook import Codebook
from quantizers.entropy import mean_entropy
from quantizers.estimators import SMALLEST_NORM, straight_through
from quantizers.losses import mean_squared_error
from quantizers.options import check_number
from quantizers.search import nearest_codes
from quantizers.softmax import choose_by_softmax
from quantizers.vector import CodebookQuantizer


class IBQ(CodebookQuantizer):
    """The code c of the largest inner product z . c. The gradient passes the choice as if it were softmax(z . c) over
    all codes: to z, and to every code vector. Nothing is copied straight through, but in eval mode.

    Loss: |q - z|^2 (its gradient passes the choice as well) + |sg(q) - z|^2 + beta |q - sg(z)|^2, each a mean over
    elements, + entropy_weight (E[H(p)] - H(E[p])), in nats, with p = softmax(z . c / entropy_temperature) and the
    second mean over the global batch. No N x K matrix is held (`quantizers.softmax`).

    Use it for a large codebook at full width, where `vq` leaves codes unused. Not where training time counts: a step
    takes six products of all positions with all codes and three softmaxes, where `vq` takes one product.

    Args:
        dim: channels, the width of a code vector.
        codebook_size: number of code vectors K.
        beta: weight of the term that moves the code to z.
        entropy_weight: weight of the entropy loss; it is of training only.
        entropy_temperature: of the softmax in it.
    """

    is_projection = False
    is_straight_through = False

    def __init__(
        self,
        *,
        dim: int = 256,
        codebook_size: int = 16384,
        beta: float = 0.25,
        entropy_weight: float = 0.05,
        entropy_temperature: float = 0.01,
    ) -> None:
        super().__init__(NormalCodebook(codebook_size, dim))
        self.beta = check_number("beta", beta, 0)
        self.entropy_weight = check_number("entropy_weight", entropy_weight, 0)
        self.entropy_temperature = check_number("entropy_temperature", entropy_temperature, 1e-6)

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        vectors = self.codebook().to(rows.dtype)
        codes = largest_products(rows, vectors)
        chosen = F.embedding(codes, vectors)
        commitment = mean_squared_error(rows, chosen.detach())
        loss = commitment + self.beta * mean_squared_error(chosen, rows.detach())
        stats = {"commitment": commitment.detach(), **self.observe(rows, codes)}
        if not self.training:
            loss = loss + mean_squared_error(chosen, rows)
            return RowOutput(straight_through(rows, chosen), codes.unsqueeze(1), loss, stats)
        quantized, entropy_sum, sums = choose_by_softmax(rows, vectors, codes, self.entropy_temperature)
        sample_entropy, batch_entropy = entropy_sum / max(rows.shape[0], 1), mean_entropy(sums)
        loss = loss + mean_squared_error(quantized, rows) + self.entropy_weight * (sample_entropy - batch_entropy)
        stats |= {"sample_entropy": sample_entropy.detach(), "batch_entropy": batch_entropy.detach()}
        return RowOutput(quantized, codes.unsqueeze(1), loss, stats)


class NormalCodebook(Codebook):
    """K vectors that are a parameter, drawn from a standard normal distribution."""

    def __init__(self, size: int, dim: int) -> None:
        super().__init__(size, dim)
        self.vectors = nn.Parameter(torch.randn(size, dim))

    def forward(self) -> Float[Tensor, "k d"]:
        return self.vectors


def largest_products(rows: Float[Tensor, "n d"], vectors: Float[Tensor, "k d"]) -> Int64[Tensor, " n"]:
    """Index of the vector with the largest inner product with each row, by the search for the nearest.

    With one more channel, sqrt(R^2 - |c|^2) for the vectors and 0 for the rows, all vectors have one norm R, so that
    the nearest has the largest product (Bachrach et al. 2014, RecSys, section 3). Rows are brought to the norm R as
    well, which changes no choice and keeps the products' digits.
    """
    rows, vectors = rows.detach(), vectors.detach()
    squares = vectors.double().square().sum(1, keepdim=True)
    largest = squares.max()
    vectors = torch.cat([vectors, (largest - squares).sqrt().to(vectors.dtype)], 1)
    norms = torch.linalg.vector_norm(rows, dim=1, keepdim=True).clamp_min(SMALLEST_NORM)
    return nearest_codes(F.pad(rows * (largest.sqrt().to(rows.dtype) / norms), (0, 1)), vectors)
