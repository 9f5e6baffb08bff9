"""`vq-cosine`: vector quantization of directions, with codes on the unit sphere."""

from jaxtyping import Bool, Float
from torch import Tensor

from quantizers.codebook import LearnedCodebook
from quantizers.precision import at_least_single
from quantizers.sphere import normalized
from quantizers.uncompiled import uncompiled
from quantizers.vector import VectorQuantizer


class VQCosine(VectorQuantizer):
    """`vq` on the unit sphere: rows and codes are divided by their norms, so that the nearest code is the one of the
    largest cosine, and the loss |sg(z) - e|^2 + beta |z - sg(e)|^2, a mean over elements, is that of unit vectors.

    The output is the unit vector of the code; the gradient goes through the normalisation of z. The papers start with
    random codes and replace none; as in `vq` the first batch starts them here, by spherical k-means, and dead codes
    are replaced. `kmeans_iterations=0, dead_threshold=0` is the papers'. LlamaGen's entropy term is left out: its
    published tokenizers have weight 0, and it takes a softmax over all codes for every position.

    Use it for thousands to tens of thousands of codes: in 8 to 32 channels they stay in use where those of `vq` at 256
    die, and the search is cheap. Not where the length of a vector carries something, nor in one or two channels, whose
    sphere is two points or a circle.

    Args:
        dim: channels, the width of a code vector.
        codebook_size: number of code vectors K.
        beta: weight of the commitment term.
        estimator: how the gradient passes the choice of a code: "straight-through", or "rotation"
            (arXiv:2410.06424).
        dead_threshold: share of the mean usage below which a code is replaced by a row of the batch; 0 for
            never.
        kmeans_iterations: Lloyd steps on the first training batch; 0 keeps a random start.
    """

    def __init__(
        self,
        *,
        dim: int = 8,
        codebook_size: int = 16384,
        beta: float = 0.25,
        estimator: str = "straight-through",
        dead_threshold: float = 0.25,
        kmeans_iterations: int = 10,
    ) -> None:
        codebook = UnitCodebook(codebook_size, dim, dead_threshold=dead_threshold, kmeans_iterations=kmeans_iterations)
        super().__init__(codebook, beta=beta, estimator=estimator)

    def bound(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return normalized(rows)


class UnitCodebook(LearnedCodebook):
    """K learned unit vectors: a parameter of any length, normalised wherever it is used."""

    def _hold_vectors(self, vectors: Float[Tensor, "k d"]) -> None:
        # a gradient turns a long vector less than a short one: all start at length 1
        super()._hold_vectors(self.project(vectors))

    def project(self, vectors: Float[Tensor, "k d"]) -> Float[Tensor, "k d"]:
        return normalized(at_least_single(vectors))

    @uncompiled  # a compiled graph would refuse to write to what its backward pass normalises again
    def _replace(self, replaced: Bool[Tensor, " k"], vectors: Float[Tensor, "k d"], count: Float[Tensor, ""]) -> None:
        # projected as at the start: a row seen twice makes two equal codes, not two that rounding tells apart
        super()._replace(replaced, self.project(vectors), count)
