"""`bsq`: binary spherical quantization, the signs of a unit vector."""

from jaxtyping import Float
from torch import Tensor

from quantizers.binary import BinaryQuantizer, check_bits
from quantizers.sphere import normalized_any


class BSQ(BinaryQuantizer):
    """u = z / |z| is coded by the signs of its L channels; the output is the unit vector sign(u) / sqrt(L).

    Loss: entropy_weight (E[H(code | z)] - diversity_gamma H(E[p(code | z)])), with p(code | z) =
    softmax(2 inverse_temperature u . code / sqrt(L)); see `quantizers.binary`. The paper forms the second entropy in
    groups of bits, of one bit in its published configurations; here it is exact up to 20 bits. The gradient is
    straight through to u. (The authors' scales by 1 / sqrt(L) after the estimator: their gradient is smaller by
    that, which only weighs the reconstruction less against the entropy.)

    Use it as `lfq`, for very large codebooks: on the sphere the error of a code is bounded, so that there is no
    commitment term to weigh. Not at very few bits, where a sphere leaves little to code: 1 bit is a sign, 2 a circle.

    Args:
        bits: channels L, and bits of a code.
        entropy_weight: weight of the entropy loss.
        diversity_gamma: weight in it of the batch entropy.
        inverse_temperature: of the softmax.
    """

    def __init__(
        self,
        *,
        bits: int = 18,
        entropy_weight: float = 0.1,
        diversity_gamma: float = 1.0,
        inverse_temperature: float = 1.0,
    ) -> None:
        super().__init__(
            bits=bits,
            magnitude=check_bits(bits) ** -0.5,
            entropy_weight=entropy_weight,
            diversity_gamma=diversity_gamma,
            commitment_weight=0.0,
            inverse_temperature=inverse_temperature,
        )

    def bound(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Onto the unit sphere, of which vectors shorter than `SMALLEST_NORM` stay inside."""
        return normalized_any(rows)
