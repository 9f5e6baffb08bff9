"""`vq-ema`: vector quantization whose codebook follows the data by moving averages."""

from typing import Any

from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.base import Quantizer, RowOutput
from quantizers.codebook import EMACodebook
from quantizers.entropy import count_codes, usage_stats
from quantizers.estimators import straight_through
from quantizers.losses import mean_squared_error
from quantizers.registry import register_quantizer
from quantizers.validation import check_integer, check_number


@register_quantizer(
    "vq-ema",
    description="vector quantization, codebook learned by moving averages (VQ-VAE-2)",
    paper="van den Oord et al. 2017, arXiv:1711.00937, appendix A.1; Razavi et al. 2019, arXiv:1906.00446: "
    "decay 0.99, beta 0.25; k-means start and dead codes as in SoundStream, arXiv:2107.03312",
)
class VQEMA(Quantizer):
    """Nearest code, straight-through gradient, loss beta |z - sg(e)|^2, a mean over elements; EMA codebook.

    Args:
        dim: channels, the width of a code vector.
        codebook_size: number of code vectors K.
        beta: weight of the commitment term.
        decay: of the moving averages, per step.
        eps: Laplace smoothing of the counts.
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
        decay: float = 0.99,
        eps: float = 1e-5,
        dead_threshold: float = 0.25,
        kmeans_iterations: int = 10,
    ) -> None:
        super().__init__(dim=dim, codebook_size=codebook_size)
        self.beta = check_number("beta", beta, 0)
        self.codebook = EMACodebook(
            codebook_size,
            dim,
            decay=decay,
            eps=eps,
            dead_threshold=dead_threshold,
            kmeans_iterations=kmeans_iterations,
        )

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        return {"codebook_size": 2 ** check_integer("bits", bits, 0, 26)}

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        if self.codebook.needs_start:
            self.codebook.start(rows)
        codes = self.codebook.nearest(rows)
        chosen = self.codebook.lookup(codes).to(rows.dtype)
        commitment = mean_squared_error(rows, chosen)
        if self.training:
            counts = self.codebook.update(rows, codes)
        else:
            counts = count_codes(codes, self.codebook_size, rows.dtype)
        return RowOutput(
            straight_through(rows, chosen),
            codes.unsqueeze(1),
            self.beta * commitment,
            {"commitment": commitment.detach(), **usage_stats(counts)},
        )

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        return self.codebook.lookup(codes.squeeze(1))
