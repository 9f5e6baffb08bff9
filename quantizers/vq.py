"""`vq`: the VQ-VAE's vector quantization with its codebook loss."""

from jaxtyping import Float
from torch import Tensor

from quantizers.base import RowOutput
from quantizers.codebook import LearnedCodebook
from quantizers.losses import orthogonality
from quantizers.options import check_number
from quantizers.vector import VectorQuantizer


class VQ(VectorQuantizer):
    """Nearest code, loss |sg(z) - e|^2 + beta |z - sg(e)|^2, a mean over elements; the codebook is a parameter.

    `beta` weighs the commitment term, as in eq. 3 of the paper. (The VQGAN's released code weighs the
    codebook term by mistake.) The paper's codebook starts random and loses codes; here the first batch starts
    it by k-means and dead codes are replaced. `kmeans_iterations=0, dead_threshold=0` is the paper's.

    Use it where the codebook must be an ordinary parameter: one optimizer and one learning rate for all, weight
    averaging, sharded training (`fully_shard`). Not where its learning rate would need tuning of its own (`vq-ema` has
    none), and not for tens of thousands of codes, of which each gets a gradient too rarely (`simvq`, `fvq`,
    `vq-cosine`).

    Args:
        dim: channels, the width of a code vector.
        codebook_size: number of code vectors K.
        beta: weight of the commitment term.
        estimator: how the gradient passes the choice of a code: "straight-through", or "rotation"
            (arXiv:2410.06424).
        temperature: above 0, codes are drawn from softmax(-|z - e|^2 / temperature) while training, with the
            temperature falling linearly to 0 over the training.
        orthogonality_weight: weight of the term that makes code vectors orthogonal (Shin et al. 2021,
            arXiv:2112.00384, which uses 10).
        dead_threshold: share of the mean usage below which a code is replaced by a row of the batch; 0 for
            never.
        kmeans_iterations: Lloyd steps on the first training batch; 0 keeps a random start.
    """

    def __init__(
        self,
        *,
        dim: int = 256,
        codebook_size: int = 1024,
        beta: float = 0.25,
        estimator: str = "straight-through",
        temperature: float = 0.0,
        orthogonality_weight: float = 0.0,
        dead_threshold: float = 0.25,
        kmeans_iterations: int = 10,
    ) -> None:
        codebook = LearnedCodebook(
            codebook_size, dim, dead_threshold=dead_threshold, kmeans_iterations=kmeans_iterations
        )
        super().__init__(codebook, beta=beta, estimator=estimator, temperature=temperature)
        self.orthogonality_weight = check_number("orthogonality_weight", orthogonality_weight, 0)

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        out = super().quantize_rows(rows)
        if self.orthogonality_weight == 0 or rows.shape[0] == 0:
            return out
        term = orthogonality(self.codebook())
        return out._replace(
            loss=out.loss + self.orthogonality_weight * term, stats=out.stats | {"orthogonality": term.detach()}
        )
