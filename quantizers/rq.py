"""`rq`: residual quantization, several codes per position, each coding what the ones before left over."""

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from quantizers.base import Quantizer, RowOutput
from quantizers.codebook import EMACodebook
from quantizers.entropy import count_codes, usage_stats
from quantizers.estimators import straight_through
from quantizers.losses import mean_squared_error
from quantizers.registry import register_quantizer
from quantizers.validation import check_integer, check_number


@register_quantizer(
    "rq",
    description="residual quantization, several codes per position (RQ-VAE)",
    paper="Lee et al. 2022, arXiv:2203.01941: 4 codes, one codebook of 16384 x 256 shared by all depths, "
    "EMA 0.99, commitment 0.25 over all partial sums (eq. 7)",
)
class RQ(Quantizer):
    """Depth d codes r_d = z - (e_1 + ... + e_{d-1}) by its nearest vector; the output is the sum of all.

    Loss: beta times the mean over depths of |z - sg(e_1 + ... + e_d)|^2, itself a mean over elements.
        Codebooks are
    EMA codebooks, updated once per step.

    Args:
        dim: channels, the width of a code vector.
        codebook_size: number of code vectors per codebook.
        codes_per_position: depth D.
        shared: one codebook for all depths (the paper's), or one for each.
        beta: weight of the commitment term.
        decay: of the moving averages, per step.
        eps: Laplace smoothing of the counts.
        dead_threshold: share of the mean usage below which a code is replaced by a row of the batch; 0 for
            never.
        kmeans_iterations: Lloyd steps on the first training batch; 0 keeps a random start.
    """

    def __init__(
        self,
        *,
        dim: int = 256,
        codebook_size: int = 16384,
        codes_per_position: int = 4,
        shared: bool = True,
        beta: float = 0.25,
        decay: float = 0.99,
        eps: float = 1e-5,
        dead_threshold: float = 0.25,
        kmeans_iterations: int = 10,
    ) -> None:
        check_integer("codes_per_position", codes_per_position, 1)
        super().__init__(dim=dim, codebook_size=codebook_size, codes_per_position=codes_per_position)
        self.shared = shared
        self.beta = check_number("beta", beta, 0)
        self.codebooks = nn.ModuleList(
            EMACodebook(
                codebook_size,
                dim,
                decay=decay,
                eps=eps,
                dead_threshold=dead_threshold,
                kmeans_iterations=kmeans_iterations,
            )
            for _ in range(1 if shared else codes_per_position)
        )

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        """Bits split evenly over `codes_per_position`, by default the smallest divisor above 1."""
        check_integer("bits", bits, 1, 26 * 26)
        divisors = [count for count in range(1, bits + 1) if bits % count == 0 and bits // count <= 26]
        chosen = options.get("codes_per_position", next((count for count in divisors if count > 1), 1))
        if chosen not in divisors:
            raise ValueError(
                f"bits={bits} cannot be split evenly over codes_per_position={chosen!r}: "
                f"codes_per_position can be {', '.join(map(str, divisors))}"
            )
        return {"codes_per_position": chosen, "codebook_size": 2 ** (bits // chosen)}

    def codebook(self, depth: int) -> EMACodebook:
        """The codebook of a depth, counted from 0."""
        codebook = self.codebooks[0 if self.shared else depth]
        assert isinstance(codebook, EMACodebook)
        return codebook

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        if self.codebook(0).needs_start:
            self._start(rows)
        residuals, codes, commitments = [], [], []
        residual, quantized = rows.detach(), torch.zeros_like(rows)
        for depth in range(self.codes_per_position):
            residuals.append(residual)
            codes.append(self.codebook(depth).nearest(residual))
            chosen = self.codebook(depth).lookup(codes[-1]).to(rows.dtype)
            residual, quantized = residual - chosen, quantized + chosen
            commitments.append(mean_squared_error(rows, quantized))
        commitment = torch.stack(commitments).mean()
        return RowOutput(
            straight_through(rows, quantized),
            torch.stack(codes, 1),
            self.beta * commitment,
            {"commitment": commitment.detach(), **self._usage(residuals, codes)},
        )

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        quantized = self.codebook(0).lookup(codes[:, 0])
        for depth in range(1, self.codes_per_position):
            quantized = quantized + self.codebook(depth).lookup(codes[:, depth])
        return quantized

    def _usage(self, residuals: list[Float[Tensor, "n d"]], codes: list[Int64[Tensor, "n"]]) -> dict[str, Tensor]:
        """Update the codebooks while training; usage of all codebooks together, averaged over them."""
        if self.shared:  # one update, positions first: every rank then holds a consecutive part of the global batch
            groups = [(torch.stack(residuals, 1).flatten(0, 1), torch.stack(codes, 1).flatten())]
        else:
            groups = list(zip(residuals, codes, strict=True))
        stats = []
        for index, (rows, picks) in enumerate(groups):
            if self.training:
                stats.append(usage_stats(self.codebook(index).update(rows, picks)))
            else:
                stats.append(usage_stats(count_codes(picks, self.codebook_size, rows.dtype)))
        return {name: torch.stack([stat[name] for stat in stats]).mean() for name in stats[0]}

    def _start(self, rows: Float[Tensor, "n d"]) -> None:
        """Each codebook from its own residuals; a shared one from all depths', found by a first version."""
        residual, residuals = rows.detach(), []
        for depth in range(self.codes_per_position):
            codebook = self.codebook(depth)
            if codebook.needs_start:
                codebook.start(residual)
            residuals.append(residual)
            residual = residual - codebook.lookup(codebook.nearest(residual)).to(rows.dtype)
        if self.shared and self.codes_per_position > 1:
            self.codebook(0).start(torch.stack(residuals, 1).flatten(0, 1))
