"""`diveq`: vector quantization as adding an error vector, whose length carries the gradient."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from quantizers.base import RowOutput
from quantizers.codebook import LearnedCodebook
from quantizers.estimators import straight_through
from quantizers.losses import mean_squared_error
from quantizers.options import check_number
from quantizers.search import nearest_codes
from quantizers.vector import CodebookQuantizer


class DiVeQ(CodebookQuantizer):
    """While training the output is z + |e - z| sg(v / |v|) with v = e - z + noise, for the nearest code e: within
    the noise e itself, and differentiable in z and in e. No loss: the reconstruction's gradient g reaches both.

    With u the direction v / |v| and d that of e - z, z gets g - (u.g) d and the code (u.g) d: what would change the
    error's length is the codebook's to do, the rest the encoder's. Eval mode is the nearest code itself, with a
    straight-through gradient. As in `vq` the first batch starts the codebook by k-means and dead codes become rows of
    the batch; the paper starts at random and replaces rarely used codes by perturbed used ones every 100 steps.

    Use it where weights of codebook and commitment losses cannot be tuned, or the codebook must follow the
    reconstruction rather than the latents. Not in one channel, where no gradient is left for the encoder. The
    paper's second method, SF-DiVeQ, is left out: its outputs lie between codes, so that codes alone do not decode.

    Args:
        dim: channels, the width of a code vector.
        codebook_size: number of code vectors K.
        variance: of each element of the noise on the direction; the paper finds up to 1e-2 to make little
            difference. 0 is its variant without noise.
        dead_threshold: share of the mean usage below which a code is replaced by a row of the batch; 0 for
            never.
        kmeans_iterations: Lloyd steps on the first training batch; 0 keeps a random start.
    """

    is_straight_through = False

    def __init__(
        self,
        *,
        dim: int = 512,
        codebook_size: int = 1024,
        variance: float = 1e-3,
        dead_threshold: float = 0.25,
        kmeans_iterations: int = 10,
    ) -> None:
        codebook = LearnedCodebook(
            codebook_size, dim, dead_threshold=dead_threshold, kmeans_iterations=kmeans_iterations
        )
        super().__init__(codebook)
        self.variance = check_number("variance", variance, 0)

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        vectors = self.codebook()
        codes = nearest_codes(rows, vectors)
        chosen = F.embedding(codes, vectors).to(rows.dtype)
        quantized = reparameterised(rows, chosen, self.variance) if self.training else straight_through(rows, chosen)
        distortion = mean_squared_error(rows, chosen).detach()
        stats = {"distortion": distortion, **self.observe(rows, codes)}
        return RowOutput(quantized, codes.unsqueeze(1), rows.new_zeros(()), stats)


def reparameterised(rows: Float[Tensor, "n d"], chosen: Float[Tensor, "n d"], variance: float) -> Float[Tensor, "n d"]:
    """z + |e - z| sg(v / |v|), v ~ N(e - z, variance I): differentiable in the rows z and the chosen vectors e.

    (`variance` as in the paper and in vector-quantize-pytorch; the authors' package hands the same 1e-3 to torch as
    the standard deviation.)
    """
    error = chosen - rows
    noise = torch.randn(error.shape, device=error.device).to(error.dtype)
    direction = F.normalize(error.detach() + variance**0.5 * noise, dim=1)
    return rows + torch.linalg.vector_norm(error, dim=1, keepdim=True) * direction
