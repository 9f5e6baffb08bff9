"""`lfq`: lookup-free quantization, a code of signs kept in use by an entropy loss."""

from quantizers.binary import BinaryQuantizer


class LFQ(BinaryQuantizer):
    """Each channel is coded by its sign, in {-1, 1}; an entropy loss keeps all codes in use.

    Loss: entropy_weight (E[H(code | z)] - diversity_gamma H(E[p(code | z)])) + commitment_weight |z - sg(q)|^2, with
    p(code | z) = softmax(2 inverse_temperature z . code); see `quantizers.binary`.

    Use it for very large codebooks (2^18 and more), which cost nothing to search or to hold. Not for short trainings:
    one bit per channel is coarse, and the encoder takes long to learn it. `bsq` has no commitment to weigh, as its
    inputs cannot grow.

    Args:
        bits: channels, and bits of a code.
        entropy_weight: weight of the entropy loss.
        diversity_gamma: weight in it of the batch entropy.
        commitment_weight: weight of the commitment term.
        inverse_temperature: of the softmax.
    """

    def __init__(
        self,
        *,
        bits: int = 18,
        entropy_weight: float = 0.1,
        diversity_gamma: float = 1.0,
        commitment_weight: float = 0.25,
        inverse_temperature: float = 100.0,
    ) -> None:
        super().__init__(
            bits=bits,
            magnitude=1.0,
            entropy_weight=entropy_weight,
            diversity_gamma=diversity_gamma,
            commitment_weight=commitment_weight,
            inverse_temperature=inverse_temperature,
        )
