"""`vq`: the VQ-VAE's vector quantization with its codebook loss."""

from typing import Any

from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.base import Quantizer, RowOutput
from quantizers.codebook import Codebook
from quantizers.entropy import count_codes, usage_stats
from quantizers.estimators import straight_through
from quantizers.losses import mean_squared_error
from quantizers.registry import register_quantizer
from quantizers.validation import check_integer, check_number


@register_quantizer(
    "vq",
    description="vector quantization, codebook learned by its loss (VQ-VAE)",
    paper="van den Oord et al. 2017, arXiv:1711.00937, eq. 3, beta 0.25; size of the VQGAN, arXiv:2012.09841",
)
class VQ(Quantizer):
    """Nearest code, straight-through gradient, loss |sg(z) - e|^2 + beta |z - sg(e)|^2, a mean over elements.

    `beta` weighs the commitment term, as in eq. 3 of the paper. (The VQGAN's released code weighs the
    codebook term by mistake.) The paper's codebook starts random and loses codes; here the first batch starts
    it by k-means and dead codes are replaced. `kmeans_iterations=0, dead_threshold=0` is the paper's.

    Args:
        dim: channels, the width of a code vector.
        codebook_size: number of code vectors K.
        beta: weight of the commitment term.
        dead_threshold: share of the mean usage below which a code is replaced by a row of the batch; 0 for
            never.
        kmeans_iterations: Lloyd steps on the first training batch; 0 keeps a random start.
    """

    is_projection = True

    def __init__(
        self,
        *,
        dim: int = 256,
        codebook_size: int = 1024,
        beta: float = 0.25,
        dead_threshold: float = 0.25,
        kmeans_iterations: int = 10,
    ) -> None:
        super().__init__(dim=dim, codebook_size=codebook_size)
        self.beta = check_number("beta", beta, 0)
        self.codebook = Codebook(codebook_size, dim, dead_threshold=dead_threshold, kmeans_iterations=kmeans_iterations)

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        return {"codebook_size": 2 ** check_integer("bits", bits, 0, 26)}

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        if self.codebook.needs_start:
            self.codebook.start(rows)
        codes = self.codebook.nearest(rows)
        chosen = self.codebook.lookup(codes).to(rows.dtype)
        codebook_loss = mean_squared_error(chosen, rows.detach())
        commitment = mean_squared_error(rows, chosen.detach())
        if self.training:
            counts = self.codebook.update(rows, codes)
        else:
            counts = count_codes(codes, self.codebook_size, rows.dtype)
        return RowOutput(
            straight_through(rows, chosen),
            codes.unsqueeze(1),
            codebook_loss + self.beta * commitment,
            {"commitment": commitment.detach(), **usage_stats(counts)},
        )

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        return self.codebook.lookup(codes.squeeze(1))
