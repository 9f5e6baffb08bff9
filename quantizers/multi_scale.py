"""`multi-scale`: residual quantization from coarse to fine, each code a patch of the grid (VAR)."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int64
from torch import Tensor, nn

from quantizers.base import Quantizer, QuantizerOutput, RowOutput
from quantizers.codebook import MAX_BITS, LearnedCodebook
from quantizers.entropy import count_codes, usage_stats
from quantizers.estimators import ESTIMATORS
from quantizers.losses import mean_squared_error
from quantizers.modes import with_modes_of_its_own
from quantizers.options import MAX_PARTS, check_choice, check_integer, check_number
from quantizers.precision import at_least_single, call_in_single, without_autocast
from quantizers.scales import check_scales, enlarge, nominal_density, once, repeated, shrink
from quantizers.search import nearest_codes
from quantizers.uncompiled import uncompiled

PAPER_SCALES = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16)
"""Sides of the code maps on the paper's 16 x 16 grid: 680 codes for 256 positions."""

BENCHMARK_SCALES = (1, 2, 4)
"""Quarter, half and full resolution, for a given number of bits: on any grid whose sides are multiples of 4 the rate
is then exactly the nominal one, 21 codes for 16 positions. The paper's would leave 14 values to a code at 10 bits, and
half as many codes again on a small grid, where the sizes of many of its maps coincide."""


class Maps(NamedTuple):
    """What was coded at each scale, with which codes, and the sums of what the codes so far stand for."""

    rests: list[Float[Tensor, "b d *p"]]
    codes: list[Int64[Tensor, " b *p"]]
    totals: list[Float[Tensor, "b d *spatial"]]


class MultiScale(Quantizer):
    """Scale k averages what the scales before left over down to its map's size, codes every element of that map by
    the nearest vector of one codebook, and adds phi(the vectors, enlarged by bicubic interpolation) to the sum that
    is the output; phi is a 3 x 3 convolution blended with the identity.

    Loss: the mean over scales of |z_k - sg(z)|^2 + beta |sg(z_k) - z|^2 with the partial sums z_k, each a mean over
    elements. It is what trains the codebook and phi, the output's gradient passing straight through to z.

    For a grid of sides n the map of scale s_k has sides ceil(s_k n / s_last): the scales themselves where n = s_last,
    as in the paper. In `codes` each map is at the grid's size, its codes repeated: along an axis of n with p codes
    position i has code floor(i p / n). `decode` reads each code where it first stands, `code_maps` gives them without
    repeats, and `code_density` counts each once. Up to 3 axes; phi works on the last two.

    Use it for a prior that predicts a picture map by map, in as many steps as there are scales, and for previews from
    the first maps: `truncated(n)` is the quantizer of the first n alone. A code depends on the whole grid, so it suits
    no use that codes parts by themselves, and at the same rate `rq`, with all its codes at full resolution, is simpler
    and as good.

    Args:
        dim: channels, the width of a code vector.
        codebook_size: number of code vectors K.
        scales: relative sizes of the maps, ascending; the last is the grid itself.
        beta: weight of the commitment term.
        estimator: how the gradient passes the whole sum: "straight-through" or "rotation" (arXiv:2410.06424).
        phis: how many convolutions the scales share, neighbours one (at most one each); 0 for none.
        phi_weight: share of the convolution in phi.
        dead_threshold: share of the mean usage below which a code is replaced by a vector that was to be coded; 0
            for never.
        kmeans_iterations: Lloyd steps on the first training batch; 0 keeps a random start.
    """

    is_positionwise = False

    def __init__(
        self,
        *,
        dim: int = 32,
        codebook_size: int = 4096,
        scales: Sequence[int] = PAPER_SCALES,
        beta: float = 0.25,
        estimator: str = "straight-through",
        phis: int = 4,
        phi_weight: float = 0.5,
        dead_threshold: float = 0.25,
        kmeans_iterations: int = 10,
    ) -> None:
        scales = check_scales(scales)
        codebook = LearnedCodebook(
            codebook_size, dim, dead_threshold=dead_threshold, kmeans_iterations=kmeans_iterations
        )
        super().__init__(dim=codebook.dim, codebook_size=codebook.size, codes_per_position=len(scales))
        self.scales = scales
        self.codebook = codebook
        self.beta = check_number("beta", beta, 0)
        self.estimator = check_choice("estimator", estimator, ESTIMATORS)
        self.is_straight_through = estimator == "straight-through"
        count = min(
            check_integer("phis", phis, 0, MAX_PARTS), len(self.scales)
        )  # with more, some would get no gradient
        phi_weight = check_number("phi_weight", phi_weight, 0, 1)
        self.phis = nn.ModuleList([Phi(self.dim, phi_weight) for _ in range(count)])

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        """The codebook whose rate is nearest, for the scales chosen, or else for `BENCHMARK_SCALES`."""
        scales = check_scales(options.get("scales", BENCHMARK_SCALES))
        density = nominal_density(scales)
        bits = check_integer("bits", bits, math.ceil(density * math.log2(1.5)), math.floor(density * MAX_BITS))
        return {"scales": scales, "codebook_size": round(2 ** (bits / density))}

    def truncated(self, codes_per_position: int) -> "MultiScale":
        """The quantizer of the first scales only: a lower rate and a coarser picture, the same parameters and buffers
        (shared, not copied), and a mode of its own: `truncated(n).eval()` leaves this one training."""
        twin = with_modes_of_its_own(self)
        twin.codes_per_position = check_integer("codes_per_position", codes_per_position, 1, self.codes_per_position)
        return twin

    @property
    def bits_per_position(self) -> float:
        """Of a square grid with two axes of side s_last or a multiple; `code_density` has any grid's."""
        density = nominal_density(self.scales, self.codes_per_position)
        return density * math.log2(self.codebook_size)

    def code_density(self, spatial: Sequence[int]) -> tuple[float, ...]:
        positions = max(math.prod(spatial), 1)
        return tuple(math.prod(sizes) / positions for sizes in self.map_sizes(spatial))

    def code_maps(self, codes: Int64[Tensor, "b c *spatial"]) -> list[Int64[Tensor, "b ..."]]:
        """The codes of each scale at its map's own size, each once."""
        return [once(codes[:, scale], sizes) for scale, sizes in enumerate(self.map_sizes(codes.shape[2:]))]

    def join_code_maps(
        self, maps: Sequence[Int64[Tensor, "b ..."]], spatial: Sequence[int]
    ) -> Int64[Tensor, "b c *spatial"]:
        """Each map's codes repeated to the grid's size."""
        return torch.stack([repeated(found, spatial) for found in maps], 1)

    @torch.no_grad()
    def contribution(
        self, scale: int, codes: Int64[Tensor, " b *p"], spatial: Sequence[int]
    ) -> Float[Tensor, "b d *spatial"]:
        """What the code map of a scale, at its own size, adds to the sum on a grid, in float32 at least: for whoever
        predicts the next map from the sum so far."""
        with without_autocast(codes.device.type):
            return self._spread(scale, codes, at_least_single(self.codebook()), spatial)

    @property
    def needs_start(self) -> bool:
        return self.codebook.needs_start

    @uncompiled
    @torch.no_grad()
    def start(self, rows: Float[Tensor, "b d *spatial"]) -> None:
        """Start the codebook from the rests of all scales, found by a first version that the input itself started."""
        self.codebook.start(_all_rows([shrink(rows, sizes) for sizes in self.map_sizes(rows.shape[2:])]))
        self.codebook.start(_all_rows(self._code(rows).rests))

    def quantize_grid(self, z: Float[Tensor, "b d *spatial"], *details: Tensor) -> QuantizerOutput:
        if self.training and self.needs_start:
            self.start(z)
        rests, maps, totals = self._code(z)
        pairs = [(total.flatten(1), z.flatten(1)) for total in totals]
        commitment = torch.stack([mean_squared_error(z_, total.detach()) for total, z_ in pairs]).mean()
        fit = torch.stack([mean_squared_error(total, z_.detach()) for total, z_ in pairs]).mean()
        codes = torch.cat([rearrange(found, "b ... -> b (...)") for found in maps], 1).flatten()
        if self.training:
            counts = self.codebook.update(_all_rows(rests), codes)
        else:
            counts = count_codes(codes, self.codebook_size, z.dtype)
        quantized = ESTIMATORS[self.estimator](_rows(z), _rows(totals[-1]))
        return QuantizerOutput(
            _grid(quantized, z.shape[0], z.shape[2:]),
            self.join_code_maps(maps, z.shape[2:]),
            fit + self.beta * commitment,
            {"commitment": commitment.detach(), **usage_stats(counts)},
        )

    def decode_grid(self, codes: Int64[Tensor, "b c *spatial"]) -> Float[Tensor, "b d *spatial"]:
        vectors = at_least_single(self.codebook())
        total = torch.zeros((), dtype=vectors.dtype, device=vectors.device)
        for scale, found in enumerate(self.code_maps(codes)):
            total = total + self._spread(scale, found, vectors, codes.shape[2:])
        return total

    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        """Each row as a grid of its own, with no axes."""
        return RowOutput(*self.quantize_grid(rows))

    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        return self.decode_grid(codes)

    def map_sizes(self, spatial: Sequence[int]) -> list[tuple[int, ...]]:
        """Sides of each scale's map of a grid."""
        coded = self.scales[: self.codes_per_position]
        return [tuple(-(-scale * length // self.scales[-1]) for length in spatial) for scale in coded]

    def _code(self, z: Float[Tensor, "b d *spatial"]) -> Maps:
        vectors = at_least_single(self.codebook())
        total = torch.zeros((), dtype=vectors.dtype, device=vectors.device)
        maps = Maps([], [], [])
        for scale, sizes in enumerate(self.map_sizes(z.shape[2:])):
            rest = shrink(z.detach() - total.detach(), sizes)
            found = nearest_codes(_rows(rest), vectors).view(z.shape[0], *sizes)
            # in the codebook's precision, as in `decode`
            total = total + self._spread(scale, found, vectors, z.shape[2:])
            maps.rests.append(rest)
            maps.codes.append(found)
            maps.totals.append(total.to(z.dtype))
        return maps

    def _spread(
        self, scale: int, codes: Int64[Tensor, " b *p"], vectors: Float[Tensor, "k d"], spatial: Sequence[int]
    ) -> Float[Tensor, "b d *spatial"]:
        """What the codes of a scale add to the sum."""
        if 0 in spatial:
            return vectors.new_zeros(codes.shape[0], self.dim, *spatial)
        grid = enlarge(F.embedding(codes, vectors).movedim(-1, 1), spatial)
        if not self.phis:
            return grid
        # the phi in whose share of [0, 1] the middle of the scale's lies: for 4 of 10 the authors'
        return self.phis[(2 * scale + 1) * len(self.phis) // (2 * len(self.scales))](grid)


class Phi(nn.Module):
    """(1 - weight) x + weight conv(x) with a 3 x 3 convolution over the last two axes, as many as there are.

    Args:
        dim: channels.
        weight: share of the convolution.
    """

    def __init__(self, dim: int, weight: float) -> None:
        super().__init__()
        self.weight = weight
        self.convolution = nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, x: Float[Tensor, "b d *spatial"]) -> Float[Tensor, "b d *spatial"]:
        planes = x.movedim(1, -1)
        planes = planes.reshape(-1, *(1, 1, *x.shape[2:])[-2:], x.shape[1]).movedim(-1, 1)
        convolved = call_in_single(self.convolution, planes).movedim(1, -1)
        convolved = convolved.reshape(x.shape[0], *x.shape[2:], x.shape[1])
        return torch.lerp(x, convolved.movedim(-1, 1), self.weight)


def _rows(grid: Float[Tensor, "b d *spatial"]) -> Float[Tensor, "n d"]:
    return rearrange(grid, "b d ... -> (b ...) d")


def _grid(rows: Float[Tensor, "n d"], batch: int, sizes: Sequence[int]) -> Float[Tensor, "b d *spatial"]:
    return rows.reshape(batch, *sizes, rows.shape[1]).movedim(-1, 1)


def _all_rows(grids: Sequence[Tensor]) -> Float[Tensor, "n d"]:
    """The rows of several grids, example by example: every rank then holds a consecutive part of the global batch."""
    return torch.cat([rearrange(grid, "b d ... -> b (...) d") for grid in grids], 1).flatten(0, 1)
