"""Quantizers of fewer channels than the latents have, with a linear layer before and one after."""

from __future__ import annotations

import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from quantizers.base import Quantizer, RowOutput
from quantizers.codebook import LearnedCodebook
from quantizers.estimators import straight_through
from quantizers.losses import mean_squared_error
from quantizers.precision import call_in_single
from quantizers.search import nearest_codes
from quantizers.sphere import normalized
from quantizers.vector import CodebookQuantizer


class Projected(Quantizer):
    """A quantizer between two layers; the gradient passes all three straight through.

    Args:
        project_in: (N, dim) to (N, quantizer.dim).
        quantizer: of what this gives.
        project_out: (N, quantizer.dim) to (N, dim).
        dim: channels.
    """

    is_projection = False

    def __init__(self, project_in: nn.Module, quantizer: Quantizer, project_out: nn.Module, dim: int) -> None:
        super().__init__(
            dim=dim, codebook_size=quantizer.codebook_size, codes_per_position=quantizer.codes_per_position
        )
        self.project_in, self.quantizer, self.project_out = project_in, quantizer, project_out

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        out = self.quantizer.quantize_rows(call_in_single(self.project_in, rows))
        quantized = call_in_single(self.project_out, out.quantized)
        return out._replace(quantized=straight_through(rows, quantized))

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        return call_in_single(self.project_out, self.quantizer.decode_rows(codes))


class DirectionVQ(CodebookQuantizer):
    """The vector whose direction is nearest to the row's, at its own length; loss |sg(z) - e|^2 + beta |z - sg(e)|^2,
    each a mean over elements.

    `vq-cosine` chooses in the same way and gives unit vectors.
    """

    is_projection = False

    def __init__(self, dim: int, codebook_size: int, beta: float = 0.25) -> None:
        super().__init__(LearnedCodebook(codebook_size, dim, dead_threshold=0, kmeans_iterations=0))
        self.beta = beta

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        vectors = self.codebook()
        codes = nearest_codes(normalized(rows), normalized(vectors))
        chosen = F.embedding(codes, vectors).to(rows.dtype)
        commitment = mean_squared_error(rows, chosen.detach())
        loss = self.beta * commitment + mean_squared_error(chosen, rows.detach())
        stats = {"commitment": commitment.detach(), **self.observe(rows, codes)}
        return RowOutput(straight_through(rows, chosen), codes.unsqueeze(1), loss, stats)


class FactorizedVQ(Projected):
    """One code of DAC and SNAC: of a projection to few channels, by its direction.

    Kumar et al. 2023 (arXiv:2306.06546), section 3.2.

    Args:
        dim: channels.
        codebook_size: number of code vectors K.
        codebook_dim: their width.
    """

    def __init__(self, *, dim: int = 1024, codebook_size: int = 1024, codebook_dim: int = 8) -> None:
        quantizer = DirectionVQ(codebook_dim, codebook_size)
        super().__init__(nn.Linear(dim, codebook_dim), quantizer, nn.Linear(codebook_dim, dim), dim)
