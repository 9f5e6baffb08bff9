"""`simvq`: a frozen random codebook seen through one learned linear layer."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from quantizers.codebook import Codebook
from quantizers.precision import at_least_single, call_in_single
from quantizers.vector import VectorQuantizer


class SimVQ(VectorQuantizer):
    """Nearest vector of C W + b with C drawn once and frozen; loss |sg(z) - e|^2 + beta |z - sg(e)|^2, a mean over
    elements, of which the first term moves W and b.

    A gradient on any code moves the whole space that the codes span, unused ones with it; none is replaced. The
    product of C and W is taken once per call. After training it can be kept instead of both: `codebook()` gives the
    vectors of a `vq` with the same codes.

    Use it for a large codebook at full width, where `vq` and `vq-ema` leave codes unused. Not for few codes in few
    channels: a linear map of a Gaussian cloud cannot follow the distribution of the data as free vectors do.

    Args:
        dim: channels, the width of a code vector.
        codebook_size: number of code vectors K.
        beta: weight of the commitment term.
        estimator: how the gradient passes the choice of a code: "straight-through", or "rotation"
            (arXiv:2410.06424).
    """

    def __init__(
        self,
        *,
        dim: int = 128,
        codebook_size: int = 65536,
        beta: float = 0.25,
        estimator: str = "straight-through",
    ) -> None:
        super().__init__(LinearCodebook(codebook_size, dim), beta=beta, estimator=estimator)


class LinearCodebook(Codebook):
    """K vectors that a linear layer makes of a frozen table of variance 1/D per element."""

    table: Float[Tensor, "k d"]

    def __init__(self, size: int, dim: int) -> None:
        super().__init__(size, dim)
        self.register_buffer("table", torch.randn(size, dim) * dim**-0.5)
        self.linear = nn.Linear(self.dim, self.dim)

    def forward(self) -> Float[Tensor, "k d"]:
        return call_in_single(self.linear, at_least_single(self.table))
