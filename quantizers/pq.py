"""`pq`: product quantization, the channels in groups, each with a code of its own."""

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from quantizers.base import Quantizer, RowOutput
from quantizers.composite import check_base, mean_stats, split_bits
from quantizers.options import MAX_CHANNELS, MAX_PARTS, check_integer
from quantizers.registry import create_quantizer, quantizer_options


class PQ(Quantizer):
    """The channels in equal groups, each quantized by a base quantizer of its own.

    Loss: the mean over groups of the base's. The gradient is each base's.

    Use it for a codebook that is large and cheap to search: G groups of K vectors make K^G codes at the cost of K. Its
    codes cannot follow what the groups have in common; where the encoder has not made them independent, `rq` codes
    better at the same rate.

    Args:
        groups: number of groups.
        base: name of the quantizer of each group.
        **base_options: of the base, but for `dim`, which counts the channels of all groups together.
    """

    def __init__(self, *, groups: int = 2, base: str = "vq-ema", **base_options: Any) -> None:
        groups = check_integer("groups", groups, 1, MAX_PARTS)
        known = quantizer_options(check_base(base))
        if "dim" in known:
            dim = check_integer("dim", base_options.get("dim", groups * known["dim"].default), 1, MAX_CHANNELS)
            if dim % groups:
                raise ValueError(f"dim must be a multiple of groups={groups}, got {dim}")
            base_options["dim"] = dim // groups
        parts = [create_quantizer(base, **base_options) for _ in range(groups)]
        super().__init__(
            dim=groups * parts[0].dim,
            codebook_size=parts[0].codebook_size,
            codes_per_position=groups * parts[0].codes_per_position,
        )
        self.parts = nn.ModuleList(parts)
        self.is_projection = parts[0].is_projection
        self.is_straight_through = parts[0].is_straight_through
        self.holds_logits = parts[0].holds_logits

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        """Bits split evenly over `groups`, by default as `split_bits` says."""
        return split_bits(bits, "groups", options.get("base", "vq-ema"), options)

    def anneal(self, progress: float) -> None:
        for part in self.parts:
            part.anneal(progress)  # type: ignore[operator]

    def bound(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return torch.cat([part.bound(group) for part, group in self._groups(rows)], 1)

    @property
    def needs_start(self) -> bool:
        return any(part.needs_start for part in self.parts)

    def start(self, rows: Float[Tensor, "n d"]) -> None:
        for part, group in self._groups(rows):
            if part.needs_start:
                part.start(group)

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        outputs = [part.quantize_rows(group) for part, group in self._groups(rows)]
        return RowOutput(
            torch.cat([out.quantized for out in outputs], 1),
            torch.cat([out.codes for out in outputs], 1),
            torch.stack([out.loss for out in outputs]).mean(),
            mean_stats([out.stats for out in outputs]),
        )

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        return torch.cat([part.decode_rows(group) for part, group in self._groups(codes)], 1)

    def _groups(self, x: Tensor) -> list[tuple[Quantizer, Tensor]]:
        return list(zip(self.parts, x.chunk(len(self.parts), 1), strict=True))  # type: ignore[arg-type]
