"""`rq`: residual quantization, several codes per position, each coding what the ones before left over."""

from functools import reduce
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from quantizers.base import Quantizer, QuantizerOutput, RowOutput
from quantizers.composite import check_base, mean_stats, split_bits
from quantizers.estimators import ESTIMATORS
from quantizers.exporting import is_exporting
from quantizers.modes import evaluating, with_modes_of_its_own
from quantizers.options import MAX_PARTS, check_choice, check_flag, check_integer, check_number
from quantizers.precision import at_least_single
from quantizers.registry import create_quantizer
from quantizers.search import nearest_few
from quantizers.uncompiled import uncompiled
from quantizers.vector import VectorQuantizer

MAX_BEAM = 256

BEAM_NUMBERS = 2**20
"""Of all residuals that a beam looks at in one step: 4 MB in float32."""


class RQ(Quantizer):
    """Depth d codes z - (q_1 + ... + q_{d-1}) by the base quantizer; the output is the sum q_1 + ... + q_D.

    A base with a range of its own (`fsq`, `lfq`, `bsq`) codes each residual scaled up to it: divided by
    `base.residual_scale`^(d-1). Loss: the mean over depths of the base's; with a codebook, that is the paper's
    commitment of z to all partial sums. A shared codebook learns at each depth in turn, as in the authors' code.

    Use it for a high rate that one codebook cannot hold, and, with `dropout`, for one model that serves many rates:
    `truncated(n)` is the quantizer of its first n codes. A prior over its codes is longer or deeper.

    Args:
        codes_per_position: depth D.
        base: name of the quantizer of each depth, one with a single code per position and a straight-through
            gradient.
        shared: one quantizer for all depths (the paper's), or one for each.
        estimator: how the gradient passes the whole sum: "straight-through" or "rotation" (arXiv:2410.06424).
        beam: how many sums of codes are kept at each depth outside training, each followed by its nearest codes; the
            nearest in the end is taken. 1 takes the nearest code at each depth. Above, the base must have a codebook,
            and the first codes alone are no longer the best: `truncated(n)` searches anew.
        dropout: probability that an example is coded, while training, by its first n codes only, with n uniform
            in 1 to D. The loss still counts all of them.
        **base_options: of the base, such as `dim`, `codebook_size` and `decay`.
    """

    def __init__(
        self,
        *,
        codes_per_position: int = 4,
        base: str = "vq-ema",
        shared: bool = True,
        estimator: str = "straight-through",
        beam: int = 1,
        dropout: float = 0.0,
        **base_options: Any,
    ) -> None:
        codes_per_position = check_integer("codes_per_position", codes_per_position, 1, MAX_PARTS)
        layers = [
            create_quantizer(check_base(base), **base_options)
            for _ in range(1 if check_flag("shared", shared) else codes_per_position)
        ]
        if layers[0].codes_per_position != 1 or not layers[0].is_straight_through:
            raise ValueError(
                f"base must have one code per position and a straight-through gradient, as {base!r} has not"
            )
        super().__init__(
            dim=layers[0].dim, codebook_size=layers[0].codebook_size, codes_per_position=codes_per_position
        )
        self.layers = nn.ModuleList(layers)
        self.estimator = check_choice("estimator", estimator, ESTIMATORS)
        self.is_straight_through = estimator == "straight-through"
        self.beam = check_integer("beam", beam, 1, MAX_BEAM)
        if self.beam > 1 and not isinstance(layers[0], VectorQuantizer):
            raise ValueError(f"beam must be 1 with base {base!r}, which has no codebook to search, got {beam}")
        self.dropout = check_number("dropout", dropout, 0, 1)

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        """Bits split evenly over `codes_per_position`, by default as `split_bits` says."""
        return split_bits(bits, "codes_per_position", options.get("base", "vq-ema"), options)

    def layer(self, depth: int) -> Quantizer:
        """The quantizer of a depth, counted from 0."""
        layer = self.layers[0 if len(self.layers) == 1 else depth]
        assert isinstance(layer, Quantizer)
        return layer

    def truncated(self, codes_per_position: int) -> "RQ":
        """The quantizer of the first codes only: a lower rate, the same parameters and buffers (shared, not copied),
        and a mode of its own: `truncated(n).eval()` leaves this one training."""
        twin = with_modes_of_its_own(self)
        twin.codes_per_position = check_integer("codes_per_position", codes_per_position, 1, self.codes_per_position)
        return twin

    def anneal(self, progress: float) -> None:
        for layer in self.layers:
            layer.anneal(progress)  # type: ignore[operator]

    def bound(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return self.layer(0).bound(rows)

    @property
    def needs_start(self) -> bool:
        return any(layer.needs_start for layer in self.layers)

    @uncompiled
    @torch.no_grad()
    def start(self, rows: Float[Tensor, "n d"]) -> None:
        """Each layer from its own residuals; a shared one from those of all depths, found by a first version."""
        residual, scaled = rows, []
        for depth in range(self.codes_per_position):
            layer, scale = self.layer(depth), self._scale(depth)
            scaled.append(residual / scale)
            if layer.needs_start:
                layer.start(scaled[-1])
            with evaluating(layer):
                residual = residual - layer.quantize_rows(scaled[-1]).quantized * scale
        if len(self.layers) == 1 and self.codes_per_position > 1:
            # positions first: every rank then holds a consecutive part of the global batch
            self.layer(0).start(torch.stack(scaled, 1).flatten(0, 1))

    def quantize_grid(self, z: Float[Tensor, "b d *spatial"], *details: Tensor) -> QuantizerOutput:
        if self.training and self.dropout > 0:
            details = (self._draw_depths(z),)
        return super().quantize_grid(z, *details)

    def quantize_rows(self, rows: Float[Tensor, "n d"], kept: Int64[Tensor, " n"] | None = None) -> RowOutput:
        """Quantize N positions; `kept` is how many codes' vectors the output of each is the sum of, None for all."""
        residual = quantized = rows
        chosen = self._search_beam(rows) if self.beam > 1 and not self.training else None
        outputs = []
        for depth in range(self.codes_per_position):
            layer, scale = self.layer(depth), self._scale(depth)
            if chosen is None:
                out = layer.quantize_rows(_over(residual, scale))
            else:
                assert isinstance(layer, VectorQuantizer)
                out = layer.choose(residual, chosen[:, depth], layer.codebook())
            outputs.append(out)
            vectors = _times(out.quantized.detach(), scale)
            residual = residual - vectors
            if kept is not None:
                vectors = vectors * (depth < kept).unsqueeze(1)
            quantized = vectors if depth == 0 else quantized + vectors
        return RowOutput(
            ESTIMATORS[self.estimator](rows, quantized),
            torch.cat([out.codes for out in outputs], 1),
            torch.stack([out.loss for out in outputs]).mean(),
            mean_stats([out.stats for out in outputs]),
        )

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        depths = range(self.codes_per_position)
        vectors = [at_least_single(self.layer(d).decode_rows(codes[:, d : d + 1])) * self._scale(d) for d in depths]
        return reduce(torch.add, vectors)  # in the order of `quantize_rows`: equal to the last digit

    @torch.no_grad()
    def _search_beam(self, rows: Float[Tensor, "n d"]) -> Int64[Tensor, "n c"]:
        """Codes whose vectors add up to about the nearest sum to each row."""
        codebooks = []
        for layer in map(self.layer, range(self.codes_per_position)):
            assert isinstance(layer, VectorQuantizer)
            codebooks.append(layer.codebook())
        if is_exporting() or torch.compiler.is_compiling():  # where the number of rows may be open
            return self._search_beam_in(codebooks, rows)
        height = max(1, BEAM_NUMBERS // (self.beam**2 * self.dim))
        return torch.cat([self._search_beam_in(codebooks, few) for few in rows.split(height)])

    def _search_beam_in(
        self, codebooks: list[Float[Tensor, "k d"]], rows: Float[Tensor, "n d"]
    ) -> Int64[Tensor, "n c"]:
        """The same of few rows, in the codebook of each depth."""
        count = rows.shape[0]
        residual, codes = rows.unsqueeze(1), rows.new_empty(count, 1, 0, dtype=torch.int64)  # second axis: the beam
        for vectors in codebooks:
            few = nearest_few(residual.flatten(0, 1), vectors, min(self.beam, self.codebook_size))
            few = few.view(count, codes.shape[1], few.shape[1])
            left = residual.unsqueeze(2) - vectors[few]
            longer = torch.cat([codes.unsqueeze(2).expand(-1, -1, few.shape[2], -1), few.unsqueeze(3)], 3)
            kept = left.square().sum(3).flatten(1)
            kept = kept.topk(min(self.beam, kept.shape[1]), largest=False).indices.unsqueeze(2)
            residual = left.flatten(1, 2).gather(1, kept.expand(-1, -1, left.shape[3]))
            codes = longer.flatten(1, 2).gather(1, kept.expand(-1, -1, longer.shape[3]))
        return codes[:, 0]

    def _scale(self, depth: int) -> float | Tensor:
        return self.layer(depth).residual_scale ** depth

    def _draw_depths(self, z: Float[Tensor, "b d *spatial"]) -> Int64[Tensor, " n"]:
        """How many codes each position keeps, the same for all positions of an example."""
        draws = torch.rand(z.shape[0], 2, device=z.device)
        shortened = 1 + (draws[:, 1] * self.codes_per_position).long()
        kept = torch.where(draws[:, 0] < self.dropout, shortened, self.codes_per_position)
        return kept.repeat_interleave(z[0, 0].numel() if z.shape[0] else 0)


def _over(rows: Float[Tensor, "n d"], scale: float | Tensor) -> Float[Tensor, "n d"]:
    """`rows / scale`; at no cost where the scale is 1, as that of every codebook is."""
    return rows if isinstance(scale, float) and scale == 1 else rows / scale


def _times(rows: Float[Tensor, "n d"], scale: float | Tensor) -> Float[Tensor, "n d"]:
    return rows if isinstance(scale, float) and scale == 1 else rows * scale
