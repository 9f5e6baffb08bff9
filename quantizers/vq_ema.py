"""`vq-ema`: vector quantization whose codebook follows the data by moving averages."""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from quantizers.codebook import LearnedCodebook
from quantizers.elementwise_compiled import can_use_kernels, sums_by_code
from quantizers.options import check_number
from quantizers.vector import VectorQuantizer


class VQEMA(VectorQuantizer):
    """Nearest code, loss beta |z - sg(e)|^2, a mean over elements; each code vector is a moving average of the
    rows that it codes.

    The first choice: no learning rate to tune, the codebook keeps up with an encoder that moves, dead codes come back.
    Not where the codebook must be a parameter (`vq`), nor where a lookup cannot be afforded (`fsq`, `lfq`, `bsq`).

    Args:
        dim: channels, the width of a code vector.
        codebook_size: number of code vectors K.
        beta: weight of the commitment term.
        estimator: how the gradient passes the choice of a code: "straight-through", or "rotation"
            (arXiv:2410.06424).
        temperature: above 0, codes are drawn from softmax(-|z - e|^2 / temperature) while training, with the
            temperature falling linearly to 0 over the training.
        decay: of the moving averages, per step.
        eps: Laplace smoothing of the counts.
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
        decay: float = 0.99,
        eps: float = 1e-5,
        dead_threshold: float = 0.25,
        kmeans_iterations: int = 10,
    ) -> None:
        codebook = EMACodebook(
            codebook_size,
            dim,
            decay=decay,
            eps=eps,
            dead_threshold=dead_threshold,
            kmeans_iterations=kmeans_iterations,
        )
        super().__init__(codebook, beta=beta, estimator=estimator, temperature=temperature)


class EMACodebook(LearnedCodebook):
    """K vectors that follow the mean of the rows they code (van den Oord et al. 2017, appendix A.1; no
    gradient).

    `counts` and `sums` are exponential moving averages of how many rows a code gets and of their sum;
    `vectors` is their quotient, with the counts smoothed by `eps` (Laplace). All are buffers, which no `requires_grad`
    tells whether they may learn; `requires_grad_` of the codebook, or of its quantizer, does.

    Args:
        eps: Laplace smoothing of the counts; the others as in `LearnedCodebook`.
    """

    learns_by_loss = False

    sums: Float[Tensor, "k d"]

    def __init__(self, size: int, dim: int, *, eps: float = 1e-5, **options: Any) -> None:
        super().__init__(size, dim, **options)
        self.eps = check_number("eps", eps, 0)
        self.register_buffer("sums", self.vectors.clone())
        self._learns = True

    def _hold_vectors(self, vectors: Float[Tensor, "k d"]) -> None:
        self.register_buffer("vectors", vectors)

    @property
    def frozen(self) -> bool:
        return not self._learns

    def _require_own_vectors(self) -> None:
        pass  # buffers are kept by nobody else

    def requires_grad_(self, requires_grad: bool = True) -> "EMACodebook":
        """Whether the codebook learns."""
        self._learns = requires_grad
        return super().requires_grad_(requires_grad)

    def _set(self, vectors: Float[Tensor, "k d"], counts: Float[Tensor, " k"]) -> None:
        super()._set(vectors, counts)
        self.sums.copy_(vectors * counts.unsqueeze(1))

    def _batch_sums(self, rows: Float[Tensor, "n d"], codes: Int64[Tensor, " n"]) -> list[Float[Tensor, "k d"]]:
        if can_use_kernels(rows):
            return [sums_by_code(rows, codes, self.size)]
        return [torch.zeros_like(self.sums).index_add_(0, codes, rows)]

    def _learn(self, present: Bool[Tensor, ""], share: Float[Tensor, ""], *sums: Float[Tensor, "k d"]) -> None:
        self.sums.lerp_(sums[0], share)
        total = self.counts.sum()
        smoothed = (self.counts + self.eps) / (total + self.size * self.eps) * total
        averaged = (present & (self.counts > 0)).unsqueeze(1)  # a code that never had a row has no mean
        self.vectors.copy_(torch.where(averaged, self.sums / smoothed.unsqueeze(1), self.vectors))

    def _replace(self, replaced: Bool[Tensor, " k"], vectors: Float[Tensor, "k d"], count: Float[Tensor, ""]) -> None:
        super()._replace(replaced, vectors, count)
        # with the old sums, the next average would take the new vector back to where the dead one was
        self.sums.copy_(torch.where(replaced.unsqueeze(1), vectors * count, self.sums))
