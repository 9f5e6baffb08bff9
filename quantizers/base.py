"""The contract every quantizer keeps, and the shape work they all share."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from einops import rearrange
from jaxtyping import Float, Int64
from torch import Tensor
from torch.utils._pytree import _register_namedtuple

from quantizers.constants import WithConstants
from quantizers.precision import at_least_single, without_autocast
from quantizers.printing import shown_options
from quantizers.validation import check_codes, check_latent


class QuantizerOutput(NamedTuple):
    """What a quantizer returns.

    Attributes:
        quantized: (B, dim, *spatial), dtype of the input; gradients reach the input.
        codes: int64, (B, codes_per_position, *spatial), each in [0, codebook_size).
        loss: scalar, already weighted: add it to the training loss.
        stats: detached scalars worth logging; `perplexity` and `usage` (share of the codebook used by the
            batch) wherever counting the codes is cheap. While training under `torch.distributed` these two
            are of the global batch.
    """

    quantized: Float[Tensor, "b d *spatial"]
    codes: Int64[Tensor, "b c *spatial"]
    loss: Float[Tensor, ""]
    stats: dict[str, Float[Tensor, ""]]


_register_namedtuple(QuantizerOutput, serialized_type_name="quantizers.QuantizerOutput")  # for `torch.export.save`


class RowOutput(NamedTuple):
    """The same for a list of positions: quantized (N, dim), codes (N, codes_per_position), loss, stats."""

    quantized: Float[Tensor, "n d"]
    codes: Int64[Tensor, "n c"]
    loss: Float[Tensor, ""]
    stats: dict[str, Float[Tensor, ""]]


class Quantizer(WithConstants, ABC):
    """Base of the zoo: turns (B, dim, *spatial) into codes and back.

    A method implements `quantize_rows` and `decode_rows` on lists of positions; everything about axes,
    dtypes, autocast and bad input happens here, once. Rows arrive as float32 (float64 if the input is),
    whatever autocast says, so distances, statistics and codebooks are never in half precision. Where weights
    are stored in it, codes are those of the same weights in float32. A method whose positions depend on each
    other implements `quantize_grid` and `decode_grid` instead.

    Attributes:
        dim: channels that the quantizer wants.
        codebook_size: values that one code can take.
        codes_per_position: codes for each position.
        bits_per_position: the true rate: codes_per_position * log2(codebook_size).
        deferred: while True, training passes what `bound` gives on unquantized, with codes and a loss of 0, and
            learns nothing of it; evaluation quantizes all the same.

    Class attributes, which tell `quantizers.testing` what to expect; an instance may set its own:

    - `is_projection`: quantizing an output again changes nothing (nearest-code methods).
    - `is_straight_through`: d quantized / d bound(z) is the identity.
    - `is_positionwise`: every position is quantized by itself.
    - `holds_logits`: the method needs an N x K tensor by definition.
    """

    is_projection: bool = False
    is_straight_through: bool = True
    is_positionwise: bool = True
    holds_logits: bool = False

    def __init__(self, *, dim: int, codebook_size: int, codes_per_position: int = 1) -> None:
        super().__init__()
        self.dim = dim
        self.codebook_size = codebook_size
        self.codes_per_position = codes_per_position
        self.deferred = False
        self._dtype = torch.get_default_dtype()

    @classmethod
    def options_for_bits(cls, bits: int, **options: Any) -> dict[str, Any]:
        """Constructor options that give `bits` bits per position, beside the `options` already chosen.

        Raises:
            ValueError: no such options exist, or `options` already fix the rate.
        """
        raise ValueError(f"{cls.__name__} cannot be made for a given number of bits: give its own options")

    @property
    def bits_per_position(self) -> float:
        return self.codes_per_position * math.log2(self.codebook_size)

    def extra_repr(self) -> str:
        return shown_options(self)

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the floating-point state, or, of a method without any, that last asked for by `to`,
        `double`, `bfloat16` and the like; at first the default."""
        for part in self.modules():
            for name, tensor in (*part._parameters.items(), *part._buffers.items()):
                if tensor is not None and tensor.is_floating_point() and name not in part._non_persistent_buffers_set:
                    return tensor.dtype
        return self._dtype

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        self._dtype = fn(torch.empty(0, dtype=self._dtype)).dtype
        return super()._apply(fn, recurse)

    def bound(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """The differentiable map into the set that the codes lie in: a tanh, the unit sphere; here the identity."""
        return rows

    @property
    def residual_scale(self) -> float | Tensor:
        """How much smaller what quantizing leaves over is than what was quantized, for methods with a range of
        their own; `rq` scales each depth by it."""
        return 1.0

    @property
    def needs_start(self) -> bool:
        """Whether the next training batch must `start` this quantizer."""
        return False

    def start(self, rows: Float[Tensor, "n d"]) -> None:
        """Start from the first training batch (bounded rows), e.g. by k-means; here nothing."""

    def requires_grad_(self, requires_grad: bool = True) -> "Quantizer":
        """Whether the quantizer learns at all: its parameters, and what follows the data by moving averages.

        False freezes it, in training mode too, until it is called with True. Called on a module around a quantizer it
        reaches the parameters alone, as those of a batch norm: freeze the quantizer itself.
        """
        for part in self.modules():
            if part is not self:
                part.requires_grad_(requires_grad)
        return super().requires_grad_(requires_grad)

    @abstractmethod
    def quantize_rows(self, rows: Float[Tensor, "n d"]) -> RowOutput:
        """Quantize N positions (float32 or float64, as `bound` gives them; N may be 0)."""

    @abstractmethod
    def decode_rows(self, codes: Int64[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        """The vectors that the codes of N positions stand for."""

    def bound_and_quantize(self, rows: Float[Tensor, "n d"], *details: Tensor) -> RowOutput:
        """`quantize_rows` of what `bound` gives, after the `start` where that is due. A method that does both in one
        pass over memory has its own."""
        rows = self.bound(rows)
        if self.training and self.needs_start:
            self.start(rows)
        return self.quantize_rows(rows, *details)

    def quantize_grid(self, z: Float[Tensor, "b d *spatial"], *details: Tensor) -> QuantizerOutput:
        """Quantize a checked input, float32 or float64, as a list of positions; `details` go to `quantize_rows`."""
        out = self.bound_and_quantize(_rows(z), *details)
        return QuantizerOutput(_positions(out.quantized, z), _positions(out.codes, z), out.loss, out.stats)

    def _pass_on(self, z: Float[Tensor, "b d *spatial"]) -> QuantizerOutput:
        """A checked input as `bound` gives it; every parameter has a part in the loss, as data-parallel training asks,
        and a gradient of 0."""
        rows = self.bound(_rows(z))
        codes = torch.zeros(z.shape[0], self.codes_per_position, *z.shape[2:], dtype=torch.int64, device=z.device)
        loss = z.new_zeros(()) + sum(0 * parameter.sum() for parameter in self.parameters())
        return QuantizerOutput(_positions(rows, z), codes, loss, {})

    def decode_grid(self, codes: Int64[Tensor, "b c *spatial"]) -> Float[Tensor, "b d *spatial"]:
        """Decode checked codes as a list of positions."""
        return _positions(self.decode_rows(_rows(codes)), codes)

    def forward(self, z: Float[Tensor, "b d *spatial"]) -> QuantizerOutput:
        """Quantize `z`.

        `torch.export` takes it in eval mode. The program's output is of this package; one that is to run without the
        package is that of a module that returns tensors, such as `quantizer(z).codes`.

        Raises:
            ValueError: wrong channel count, number of axes or dtype; NaN or infinite values.
        """
        check_latent(z, self.dim)
        with without_autocast(z.device.type):
            quantize = self._pass_on if self.training and self.deferred else self.quantize_grid
            out = quantize(at_least_single(z))
        return out._replace(quantized=out.quantized.to(z.dtype))

    def decode(self, codes: Int64[Tensor, "b c *spatial"]) -> Float[Tensor, "b d *spatial"]:
        """The vectors that `codes` stand for, in the precision `dtype`; equal to `quantized` in eval mode.

        Raises:
            ValueError: wrong shape or dtype; codes outside [0, codebook_size).
        """
        check_codes(codes, self.codes_per_position, self.codebook_size)
        with without_autocast(codes.device.type):
            return self.decode_grid(codes).to(self.dtype)

    def code_density(self, spatial: Sequence[int]) -> tuple[float, ...]:
        """For each code of a position, the share of the positions of a grid at which it is one of its own.

        1, but for codes on a coarser grid that several positions share.
        """
        return (1.0,) * self.codes_per_position

    def code_maps(self, codes: Int64[Tensor, "b c *spatial"]) -> list[Int64[Tensor, "b ..."]]:
        """For each code of a position a map of its own, in which a code that several positions share stands once."""
        return list(codes.unbind(1))

    def join_code_maps(
        self, maps: Sequence[Int64[Tensor, "b ..."]], spatial: Sequence[int]
    ) -> Int64[Tensor, "b c *spatial"]:
        """The codes of a grid from what `code_maps` gave."""
        return torch.stack(list(maps), 1)

    def anneal(self, progress: float) -> None:
        """Set what the method schedules over training; `progress` runs from 0 to 1. Called once per step."""


def _rows(grid: Tensor) -> Tensor:
    """(B, C, *spatial) -> (N, C); where it is a list of positions already, itself."""
    return grid if grid.ndim == 2 else rearrange(grid, "b c ... -> (b ...) c")


def _positions(rows: Tensor, like: Tensor) -> Tensor:
    """(N, C) -> (B, C, *spatial) with the batch and spatial axes of `like`; a view, or itself."""
    if like.ndim == 2:
        return rows
    return rows.reshape(like.shape[0], *like.shape[2:], rows.shape[1]).movedim(-1, 1)
