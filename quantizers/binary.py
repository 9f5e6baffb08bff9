"""What the methods that code each channel by its sign, without a table, have in common."""

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.base import Quantizer, RowOutput
from quantizers.elementwise_compiled import can_use_kernels, quantize_by_sign
from quantizers.entropy import batch_usage, bernoulli_entropy, mean_code_entropy
from quantizers.estimators import committed
from quantizers.options import check_integer, check_number
from quantizers.radix import MAX_BITS, MixedRadix

JOINT_BITS = 20
"""Most bits whose joint distribution (2^bits probabilities) is formed for the batch entropy."""


def check_bits(bits: object) -> int:
    """Return `bits` if a code can have that many, else raise `ValueError`."""
    return check_integer("bits", bits, 1, MAX_BITS)


class BinaryQuantizer(Quantizer):
    """Each channel is coded by its sign, as +-magnitude (0 as -magnitude); bit i of a code belongs to channel i.

    Loss: entropy_weight (E[H(code | z)] - diversity_gamma H(E[p(code | z)])) + commitment_weight |z - sg(q)|^2,
    entropies in nats, the last term a mean over elements, with p(code | z) = softmax(2 inverse_temperature z . code).
    Bits are then independent, so both entropies are exact at small cost (`quantizers.entropy`); the second is of the
    global batch. Above 20 bits the joint distribution is too large to form, and its entropy is replaced by the sum
    over equal groups of bits of theirs (an upper bound, equal where groups are independent: Zhao et al. 2024,
    arXiv:2406.07548, section 3.2).

    Args:
        bits: channels, and bits of a code.
        magnitude: absolute value of every channel of an output.
        entropy_weight: weight of the entropy loss; it is of training only.
        diversity_gamma: weight in it of the batch entropy.
        commitment_weight: weight of the commitment term.
        inverse_temperature: of the softmax.
    """

    is_projection = True

    def __init__(
        self,
        *,
        bits: int,
        magnitude: float,
        entropy_weight: float,
        diversity_gamma: float,
        commitment_weight: float,
        inverse_temperature: float,
    ) -> None:
        super().__init__(dim=check_bits(bits), codebook_size=2 ** check_bits(bits))
        self.radix = MixedRadix([2] * self.dim)
        self.magnitude = magnitude
        self.entropy_weight = check_number("entropy_weight", entropy_weight, 0)
        self.diversity_gamma = check_number("diversity_gamma", diversity_gamma, 0)
        self.commitment_weight = check_number("commitment_weight", commitment_weight, 0)
        self.inverse_temperature = check_number("inverse_temperature", inverse_temperature, 0)

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        return {"bits": bits}

    @property
    def residual_scale(self) -> float:
        """1 / 2: the signs of all depths are then the binary digits of a uniform grid, up to 2 magnitudes."""
        return 0.5

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        values, codes = self._nearest(rows.detach())
        quantized, commitment = committed(rows, values)
        stats = {"commitment": commitment.detach()}
        loss = self.commitment_weight * commitment
        if self.training:
            sample_entropy, batch_entropy = self._entropies(rows)
            loss = loss + self.entropy_weight * (sample_entropy - self.diversity_gamma * batch_entropy)
            stats |= {"sample_entropy": sample_entropy.detach(), "batch_entropy": batch_entropy.detach()}
        stats |= batch_usage(codes, self.codebook_size, over_ranks=self.training)
        return RowOutput(quantized, codes.unsqueeze(1), loss, stats)

    def _nearest(self, rows: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "n d"], Int64[Tensor, " n"]]:
        if can_use_kernels(rows):
            return quantize_by_sign(rows, self.magnitude)
        positive = rows.sign().clamp_min_(0)  # a comparison is not vectorised
        return self._values(positive), self.radix.encode(positive)

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        positive = codes & self._bit_values(codes.device) != 0
        return self._values(positive.to(torch.promote_types(self.dtype, torch.float32)))

    def _values(self, positive: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        # exactly +-magnitude; `torch.where` between two scalars is slower
        return (positive * (2 * self.magnitude)).sub_(self.magnitude)

    def _bit_values(self, device: torch.device) -> Int64[Tensor, " d"]:
        return 1 << torch.arange(self.dim, device=device)

    def _entropies(self, rows: Float[Tensor, "n d"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        # of a bit being 1: the difference between the softmax's logits of +magnitude and -magnitude
        logits = 4 * self.inverse_temperature * self.magnitude * rows
        sample = bernoulli_entropy(logits).sum() / max(rows.shape[0], 1)
        groups = logits.tensor_split(-(-self.dim // JOINT_BITS), dim=1)
        return sample, torch.stack([mean_code_entropy(group) for group in groups]).sum()
