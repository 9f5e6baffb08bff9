"""`none`: no quantization, the ceiling of every comparison."""

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.base import Quantizer, RowOutput
from quantizers.estimators import straight_through
from quantizers.options import MAX_CHANNELS, check_integer


class NoQuantizer(Quantizer):
    """Passes float32 through. Its codes are the float32 bit patterns, one 32-bit code per channel.

    A number of bits cannot be asked of it: `bits=` is accepted, so that it can stand in a comparison at any
    rate, and ignored; `bits_per_position` is the true 32 * dim. Float64 input is rounded to float32.

    Args:
        dim: channels.
    """

    is_projection = True

    def __init__(self, *, dim: int = 16) -> None:
        dim = check_integer("dim", dim, 1, MAX_CHANNELS)
        super().__init__(dim=dim, codebook_size=2**32, codes_per_position=dim)

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        return {}

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        single = rows.float()
        codes = single.detach().view(torch.int32).to(torch.int64) & 0xFFFFFFFF
        return RowOutput(straight_through(rows, single.to(rows.dtype)), codes, rows.new_zeros(()), {})

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        signed = torch.where(codes < 2**31, codes, codes - 2**32)
        return signed.to(torch.int32).view(torch.float32)
