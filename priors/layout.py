"""How the code maps of a tokenizer become the tokens that a prior predicts, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Int64
from torch import Tensor

from autoencoders import Tokenizer
from quantizers.modes import evaluating
from quantizers.multi_scale import MultiScale
from quantizers.options import check_flag, check_integer
from quantizers.scales import once, repeated
from quantizers.validation import check_codes

LARGEST_VOCABULARY = 4096
"""Codes with more values are split into digits: a softmax over 2^18 values would cost more than all the rest."""

MAX_DIGITS = 62
"""An int64 has no more."""


@dataclass(frozen=True)
class CodeLayout:
    """The shape of a picture's codes, and of the tokens that stand for them: (B, positions, depth).

    Positions are the cells of the first map in raster order, then those of the next. A position has `depth` tokens:
    the digits of its codes, code after code, the most significant digit first. Digits that no code has (a 1,001st value
    of 1,000 in two digits) are given no probability by the priors.
    """

    grids: Sequence[Sequence[int]]
    """Sides of each code map, in the tokenizer's order (VQ-VAE-2: top, then bottom)."""
    codes_per_position: int
    """Codes of a cell."""
    codebook_size: int
    """Values of a code."""
    sub_tokens: int = 1
    """Digits that a code is split into."""
    flatten: bool = False
    """Whether a prior sees every token as a step of its own, instead of a position as one."""
    delay: bool = field(default=False, repr=False)  # what is coded under priors names them by this repr
    """Whether the tokens of a position come in as many steps, beside those of other positions: see `delay`."""
    by_scale: bool = field(default=False, repr=False)
    """Whether the grids are the maps of one `multi-scale` quantizer, coarsest first, each code in them once: the
    tokenizer's one map has a code of each at every position of the last, repeated (`quantizer.code_maps`)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "grids", tuple(tuple(grid) for grid in self.grids))  # JSON has lists
        if not self.grids:
            raise ValueError("grids must be the sides of at least one code map, got none.")
        for grid in self.grids:
            for side in grid:
                check_integer("every side of grids", side, 1)
        check_integer("codes_per_position", self.codes_per_position, 1)
        check_integer("codebook_size", self.codebook_size, 2)
        check_integer("sub_tokens", self.sub_tokens, 1, MAX_DIGITS)
        check_flag("flatten", self.flatten)
        check_flag("delay", self.delay)
        if self.flatten and self.delay:
            raise ValueError("flatten and delay are two orders of the same tokens; take one of them.")
        if check_flag("by_scale", self.by_scale):
            if self.flatten or self.delay or self.codes_per_position != 1:
                raise ValueError("by_scale is an order of its own, of one code at each position of each map.")
            if len({len(grid) for grid in self.grids}) > 1:
                raise ValueError(f"by_scale needs maps of equally many axes, got {self.grids}.")
        if 2 ** (self.sub_tokens - 1) >= self.codebook_size:
            raise ValueError(
                f"sub_tokens must leave every digit something to say, got {self.sub_tokens} for {self.codebook_size} "
                "codes; take fewer."
            )

    @classmethod
    def of(
        cls,
        tokenizer: Tokenizer,
        extent: int | Sequence[int],
        flatten: bool = False,
        largest_vocabulary: int = LARGEST_VOCABULARY,
        delay: bool = False,
        by_scale: bool = False,
    ) -> CodeLayout:
        """The layout of a tokenizer's codes of signals of one extent, from encoding one.

        Args:
            tokenizer: all its quantizers have equally many codes per position, of one size.
            extent: samples of a channel along each axis; or the side of a square picture in pixels.
            flatten: as the attribute; delay and by_scale too.
            largest_vocabulary: a code with more values is split into as few equal digits as have at most this many;
                not by scale, where digits of one code would have to be drawn at once.

        Raises:
            ValueError: the quantizers differ, the tokenizer takes no signal of that extent, or by_scale of others than
                one `multi-scale` quantizer.
        """
        check_integer("largest_vocabulary", largest_vocabulary, 2)
        codes_per_position, codebook_size = equal_codes(tokenizer)
        grids = tuple(tuple(codes.shape[2:]) for codes in _codes_of_grey(tokenizer, extent))
        if by_scale:
            maps = multi_scale_of(tokenizer.quantizers).map_sizes(grids[0])
            return cls(maps, 1, codebook_size, flatten=flatten, delay=delay, by_scale=True)
        sub_tokens = 1
        while root(codebook_size, sub_tokens) > largest_vocabulary:
            sub_tokens += 1
        return cls(grids, codes_per_position, codebook_size, sub_tokens, flatten, delay)

    @property
    def cells(self) -> tuple[int, ...]:
        """Positions of each map."""
        return tuple(math.prod(grid) for grid in self.grids)

    @property
    def positions(self) -> int:
        """Of all maps together."""
        return sum(self.cells)

    @property
    def depth(self) -> int:
        """Tokens of a position."""
        return self.codes_per_position * self.sub_tokens

    @property
    def vocabulary(self) -> int:
        """Values of a token."""
        return root(self.codebook_size, self.sub_tokens)

    @property
    def spread(self) -> int:
        """Positions of the sequence: all, and where tokens are delayed as many more as the last slot comes later."""
        return self.positions + (self.depth - 1 if self.delay else 0)

    @property
    def steps(self) -> int:
        """What a prior sees as a sequence: the positions, or all their tokens."""
        return self.spread * (self.depth if self.flatten else 1)

    @property
    def has_gaps(self) -> bool:
        """Whether there are digits that no code has."""
        return self.vocabulary**self.sub_tokens != self.codebook_size

    @property
    def places(self) -> tuple[int, ...]:
        """What a one is worth in each digit of a code."""
        return tuple(self.vocabulary**power for power in reversed(range(self.sub_tokens)))

    def to_tokens(self, codes: Sequence[Int64[Tensor, "b n ..."]]) -> Int64[Tensor, "b p d"]:
        """Tokens of code maps; ValueError on maps of another number, shape or range."""
        if self.by_scale:
            codes = self._scales_of(codes)
        if len(codes) != len(self.grids):
            raise ValueError(f"codes must be {len(self.grids)} map(s), got {len(codes)}.")
        for of, grid in zip(codes, self.grids, strict=True):
            check_codes(of, self.codes_per_position, self.codebook_size)
            if tuple(of.shape[2:]) != grid:
                raise ValueError(f"this code map must be a grid of {grid}, got {tuple(of.shape[2:])}.")
        rows = torch.cat([of.flatten(2) if of.ndim > 2 else of.unsqueeze(2) for of in codes], 2).transpose(1, 2)
        return torch.stack([rows // place % self.vocabulary for place in self.places], -1).flatten(2)

    def to_codes(self, tokens: Int64[Tensor, "b p d"]) -> list[Int64[Tensor, "b n ..."]]:
        """The code maps of tokens; ValueError where they are no whole picture or stand for no code."""
        self.check(tokens)
        if tokens.shape[1] != self.positions:
            raise ValueError(f"tokens must be of all {self.positions} positions, got {tokens.shape[1]}.")
        codes = self.codes_at(tokens).transpose(1, 2)
        maps = [
            of.reshape(len(of), self.codes_per_position, *grid)
            for of, grid in zip(codes.split(self.cells, 2), self.grids, strict=True)
        ]
        if self.by_scale:
            return [torch.stack([repeated(of.squeeze(1), self.grids[-1]) for of in maps], 1)]
        return maps

    def _scales_of(self, codes: Sequence[Int64[Tensor, "b n ..."]]) -> list[Int64[Tensor, "b 1 ..."]]:
        """The map of each scale, from the tokenizer's one map."""
        if len(codes) != 1:
            raise ValueError(f"codes must be 1 map of all scales, got {len(codes)}.")
        check_codes(codes[0], len(self.grids), self.codebook_size)
        if tuple(codes[0].shape[2:]) != self.grids[-1]:
            raise ValueError(f"the code map must be a grid of {self.grids[-1]}, got {tuple(codes[0].shape[2:])}.")
        return [once(codes[0][:, scale], grid).unsqueeze(1) for scale, grid in enumerate(self.grids)]

    def codes_at(self, tokens: Int64[Tensor, "*b d"]) -> Int64[Tensor, "*b n"]:
        """The codes of each position."""
        return self._worth(tokens).sum(-1)

    def check(self, tokens: Tensor) -> None:
        """ValueError unless these are tokens, of at most all positions, and every one can be."""
        if not isinstance(tokens, Tensor) or tokens.dtype != torch.int64:
            raise ValueError(
                f"tokens must be a tensor of int64, got {getattr(tokens, 'dtype', type(tokens).__name__)}."
            )
        if tokens.ndim != 3 or tokens.shape[2] != self.depth:
            raise ValueError(f"tokens must be of shape (B, positions, {self.depth}), got {tuple(tokens.shape)}.")
        if tokens.shape[1] > self.positions:
            raise ValueError(
                f"the context is {self.positions} positions long, got tokens of {tokens.shape[1]}; "
                "leave some out or make a prior for larger pictures."
            )
        check_below("tokens", tokens, self.vocabulary)
        if self.has_gaps:
            check_below("the codes of tokens", self.codes_at(tokens), self.codebook_size)

    def largest(self, tokens: Int64[Tensor, "*b d"], *, causal: bool) -> Int64[Tensor, "*b d"]:
        """The largest value that each token could have, given the others.

        Args:
            tokens: those that are not known are `vocabulary`; they can still become anything.
            causal: given only those before it at its position.
        """
        worth = self._worth(tokens.masked_fill(tokens == self.vocabulary, 0))
        others = worth.cumsum(-1) - worth if causal else worth.sum(-1, keepdim=True) - worth
        rest = self.codebook_size - 1 - others
        return torch.stack([rest[..., digit] // place for digit, place in enumerate(self.places)], -1).flatten(-2)

    def _worth(self, tokens: Int64[Tensor, "*b d"]) -> Int64[Tensor, "*b n s"]:
        digits = tokens.unflatten(-1, (self.codes_per_position, self.sub_tokens))
        return torch.stack([digits[..., digit] * place for digit, place in enumerate(self.places)], -1)


def equal_codes(tokenizer: Tokenizer) -> tuple[int, int]:
    """Codes per position and values of a code, in all code maps. ValueError where these differ."""
    kinds = {(quantizer.codes_per_position, quantizer.codebook_size) for quantizer in tokenizer.quantizers}
    if len(kinds) > 1:
        raise ValueError(f"the code maps must have equal codes, got (codes per position, size) of {sorted(kinds)}.")
    return kinds.pop()


def multi_scale_of(quantizers: Sequence[object]) -> MultiScale:
    """The one quantizer of a tokenizer whose codes can be taken by scale. ValueError where there is none such."""
    if len(quantizers) != 1 or not isinstance(quantizers[0], MultiScale):
        kinds = ", ".join(type(each).__name__ for each in quantizers) or "none"
        raise ValueError(f"only the codes of one multi-scale quantizer can be taken by scale, got {kinds}.")
    return quantizers[0]


def root(value: int, power: int) -> int:
    """The smallest integer whose power is at least the value."""
    guess = max(1, round(value ** (1 / power)) - 1)
    while guess**power < value:
        guess += 1
    return guess


def check_below(name: str, values: Tensor, bound: int) -> None:
    """ValueError unless all values are in [0, bound); an asynchronous assert on CUDA, nothing under a compiler."""
    if not values.numel() or torch.compiler.is_compiling() or values.device.type == "meta":
        return
    low, high = torch.aminmax(values)
    good, sentence = (low >= 0) & (high < bound), f"{name} must lie in [0, {bound})"
    if values.is_cuda:
        torch._assert_async(good, sentence)
    elif not good:
        raise ValueError(f"{sentence}, got {low.item()} to {high.item()}.")


@torch.no_grad()
def _codes_of_grey(tokenizer: Tokenizer, extent: int | Sequence[int]) -> list[Tensor]:
    sides = (extent, extent) if isinstance(extent, int) else extent
    device = next((parameter.device for parameter in tokenizer.parameters()), None)
    grey = torch.zeros(1, tokenizer.channels, *sides, dtype=tokenizer.dtype, device=device)
    with evaluating(tokenizer):
        return tokenizer.encode(grey)
