"""What the methods with one code per position, the nearest vector of a codebook, have in common."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from quantizers.base import Quantizer, RowOutput
from quantizers.codebook import Codebook, size_for_bits
from quantizers.entropy import count_codes, usage_stats
from quantizers.estimators import ESTIMATORS, committed
from quantizers.losses import mean_squared_error
from quantizers.options import check_choice, check_number
from quantizers.search import nearest_codes, sample_codes


class CodebookQuantizer(Quantizer):
    """A codebook, its start and its statistics; how rows choose from it, and what both learn, is the method's.

    Args:
        codebook: the vectors, and how they are kept alive.
    """

    is_projection = True

    def __init__(self, codebook: Codebook) -> None:
        super().__init__(dim=codebook.dim, codebook_size=codebook.size)
        self.codebook = codebook

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        return {"codebook_size": size_for_bits(bits)}

    @property
    def needs_start(self) -> bool:
        return self.codebook.needs_start

    def start(self, rows: Float[Tensor, "n d"]) -> None:
        self.codebook.start(rows)

    def observe(self, rows: Float[Tensor, "n d"], codes: Int64[Tensor, " n"]) -> dict[str, Float[Tensor, ""]]:
        """Perplexity and usage of a batch; while training of the global one, which the codebook learns from."""
        if self.training:
            return usage_stats(self.codebook.update(rows, codes))
        return usage_stats(count_codes(codes, self.codebook_size, rows.dtype))

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        return F.embedding(codes.squeeze(1), self.codebook())


class VectorQuantizer(CodebookQuantizer):
    """Nearest vector of a codebook, loss |sg(z) - e|^2 + beta |z - sg(e)|^2, each a mean over elements; without
    the first term where the codebook follows the data by itself.

    Args:
        codebook: the vectors, and how they learn.
        beta: weight of the commitment term.
        estimator: how the gradient passes the choice of a vector, a name of `quantizers.estimators.ESTIMATORS`.
        temperature: above 0, codes are drawn from softmax(-|z - e|^2 / temperature) while training, with the
            temperature falling linearly to 0 over the training (`anneal`).
    """

    temperature: Float[Tensor, ""]

    def __init__(
        self,
        codebook: Codebook,
        *,
        beta: float = 0.25,
        estimator: str = "straight-through",
        temperature: float = 0.0,
    ) -> None:
        super().__init__(codebook)
        self.beta = check_number("beta", beta, 0)
        self.estimator = check_choice("estimator", estimator, ESTIMATORS)
        self.is_straight_through = estimator == "straight-through"
        self.start_temperature = check_number("temperature", temperature, 0)
        self.register_buffer("temperature", torch.tensor(self.start_temperature))

    def anneal(self, progress: float) -> None:
        self.temperature.fill_(self.start_temperature * (1 - check_number("progress", progress, 0, 1)))

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        vectors = self.codebook()
        if self.training and self.start_temperature > 0:
            codes = sample_codes(rows, vectors, self.temperature)
        else:
            codes = nearest_codes(rows, vectors)
        return self.choose(rows, codes, vectors)

    def choose(
        self, rows: Float[Tensor, "n d"], codes: Int64[Tensor, " n"], vectors: Float[Tensor, "k d"]
    ) -> RowOutput:
        """What follows from the choice of these codes, whose vectors are the codebook's."""
        chosen = F.embedding(codes, vectors).to(rows.dtype)
        if self.is_straight_through:
            quantized, commitment = committed(rows, chosen)
        else:
            quantized = ESTIMATORS[self.estimator](rows, chosen)
            commitment = mean_squared_error(rows, chosen.detach())
        loss = self.beta * commitment
        if self.codebook.learns_by_loss:
            loss = loss + mean_squared_error(chosen, rows.detach())
        return RowOutput(
            quantized,
            codes.unsqueeze(1),
            loss,
            {"commitment": commitment.detach(), **self.observe(rows, codes)},
        )
