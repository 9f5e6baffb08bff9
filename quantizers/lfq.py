"""`lfq`: lookup-free quantization, a code of signs kept in use by an entropy loss."""

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.base import Quantizer, RowOutput
from quantizers.entropy import batch_usage, bernoulli_entropy, mean_code_entropy
from quantizers.estimators import straight_through
from quantizers.losses import mean_squared_error
from quantizers.registry import register_quantizer
from quantizers.validation import check_integer, check_number

MAX_BITS = 62
"""A code is an int64; past this it would wrap."""

JOINT_BITS = 20
"""Most bits whose joint distribution (2^bits probabilities) is formed for the batch entropy."""


@register_quantizer(
    "lfq",
    description="lookup-free quantization, signs with an entropy loss (MAGVIT-v2)",
    paper="Yu et al. 2023, arXiv:2310.05737, 18 bits; weights and temperature 1/100 as in Open-MAGVIT2, "
    "arXiv:2409.04410: entropy 0.1, diversity 1, commitment 0.25",
)
class LFQ(Quantizer):
    """Each channel is coded by its sign, in {-1, 1}; bit i of a code belongs to channel i.

    Loss: entropy_weight (E[H(code | z)] - diversity_gamma H(E[p(code | z)])) + commitment_weight |z -
        sg(q)|^2, in
    nats, with p(code | z) = softmax(2 inverse_temperature z . code). Bits are then independent, so both
    entropies are exact at small cost (`quantizers.entropy`); the second is of the global batch. Above 20 bits
    the joint distribution is too large to form, and its entropy is replaced by the sum over equal groups of
    bits of theirs (an upper bound, equal where groups are independent: Zhao et al. 2024, arXiv:2406.07548).

    Args:
        bits: channels, and bits of a code.
        entropy_weight: weight of the entropy loss.
        diversity_gamma: weight in it of the batch entropy.
        commitment_weight: weight of the commitment term.
        inverse_temperature: of the softmax.
    """

    is_projection = True

    def __init__(
        self,
        *,
        bits: int = 18,
        entropy_weight: float = 0.1,
        diversity_gamma: float = 1.0,
        commitment_weight: float = 0.25,
        inverse_temperature: float = 100.0,
    ) -> None:
        check_integer("bits", bits, 1, MAX_BITS)
        super().__init__(dim=bits, codebook_size=2**bits)
        self.entropy_weight = check_number("entropy_weight", entropy_weight, 0)
        self.diversity_gamma = check_number("diversity_gamma", diversity_gamma, 0)
        self.commitment_weight = check_number("commitment_weight", commitment_weight, 0)
        self.inverse_temperature = check_number("inverse_temperature", inverse_temperature, 0)

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        return {"bits": bits}

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        signs = torch.where(rows.detach() > 0, 1.0, -1.0).to(rows.dtype)
        codes = ((signs > 0).to(torch.int64) << self._bit_positions(rows.device)).sum(1)
        commitment = mean_squared_error(rows, signs)
        stats = {"commitment": commitment.detach()}
        loss = self.commitment_weight * commitment
        if self.training:
            sample_entropy, batch_entropy = self._entropies(rows)
            loss = loss + self.entropy_weight * (sample_entropy - self.diversity_gamma * batch_entropy)
            stats |= {"sample_entropy": sample_entropy.detach(), "batch_entropy": batch_entropy.detach()}
        stats |= batch_usage(codes, self.codebook_size, over_ranks=self.training)
        return RowOutput(straight_through(rows, signs), codes.unsqueeze(1), loss, stats)

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        bits = codes >> self._bit_positions(codes.device) & 1
        return (2 * bits - 1).to(torch.get_default_dtype())

    def _bit_positions(self, device: torch.device) -> Int64[Tensor, "d"]:
        return torch.arange(self.dim, device=device)

    def _entropies(self, rows: Float[Tensor, "n d"]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        logits = 4 * self.inverse_temperature * rows  # of a bit being +1: the difference between z and -z
        sample = bernoulli_entropy(logits).sum() / max(rows.shape[0], 1)
        groups = logits.tensor_split(-(-self.dim // JOINT_BITS), dim=1)
        return sample, torch.stack([mean_code_entropy(group) for group in groups]).sum()
