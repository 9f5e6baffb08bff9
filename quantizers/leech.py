"""`leech`: spherical Leech quantization, a fixed codebook that fills the sphere evenly."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.base import Quantizer, RowOutput
from quantizers.entropy import batch_usage
from quantizers.estimators import straight_through
from quantizers.leech_lattice import DIM, SIZE, LeechShell
from quantizers.options import check_integer
from quantizers.search import nearest_codes
from quantizers.sphere import normalized_any

MAX_BITS = 18

STRIDE = 121_481
"""From one number to the next where some vectors are taken: the golden section of all, and prime to it."""


class Leech(Quantizer):
    """u = z / |z| is coded by the nearest of fixed unit vectors, the shortest of the Leech lattice or some of them.

    No loss: the vectors lie as far apart as 196,560 can on that sphere, and all come into use by themselves. The
    gradient is straight through to u. All vectors are searched by their structure (`quantizers.leech_lattice`); fewer
    are taken evenly from their numbers and searched one by one. Up to 2^12 of them code evenly spread directions no
    better than as many random ones do.

    Use it for a large codebook that learns nothing and needs no entropy term, where `lfq` and `bsq` need one. Not where
    the length of a vector carries something, nor for other than 24 channels.

    Args:
        codebook_size: how many of the vectors, 2 to 196,560.
    """

    is_projection = True
    table: Float[Tensor, "k d"]

    def __init__(self, *, codebook_size: int = SIZE) -> None:
        codebook_size = check_integer("codebook_size", codebook_size, 2, SIZE)
        super().__init__(dim=DIM, codebook_size=codebook_size)
        self.shell = LeechShell() if codebook_size == SIZE else None
        if self.shell is None:
            self.hold_constants(lambda: {"table": some_vectors(codebook_size)})

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        """2^bits vectors; at 18 all that there are, 17.6 bits."""
        return {"codebook_size": min(2 ** check_integer("bits", bits, 1, MAX_BITS), SIZE)}

    def bound(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Onto the unit sphere, of which vectors shorter than `SMALLEST_NORM` stay inside."""
        return normalized_any(rows)

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        fixed = rows.detach()
        codes = nearest_codes(fixed, self.table) if self.shell is None else self.shell.nearest(fixed)
        chosen = self.decode_rows(codes.unsqueeze(1)).to(rows.dtype)
        stats = batch_usage(codes, self.codebook_size, over_ranks=self.training)
        return RowOutput(straight_through(rows, chosen), codes.unsqueeze(1), rows.new_zeros(()), stats)

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        return F.embedding(codes[:, 0], self.table) if self.shell is None else self.shell.vectors(codes[:, 0])


def some_vectors(count: int) -> Float[Tensor, "k d"]:
    """So many of the vectors at unit length, taken evenly; the fewer are among the more."""
    return LeechShell().double().vectors(torch.arange(count) * STRIDE % SIZE)
