"""`vq-ema`: vector quantization whose codebook follows the data by moving averages."""

from quantizers.codebook import EMACodebook
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
