"""From tokens, labels and places to the inputs of a transformer, and from its outputs to logits."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from priors.attention import DEVIATION
from priors.layout import CodeLayout
from priors.settings import TransformerPriorConfig
from quantizers.constants import WithConstants

LONGEST_WAVE = 10000
"""Positions, over 2 pi, of the slowest rotation."""


class SlotTable(nn.Module):
    """A vector for each value of a token, in each of a position's slots."""

    def __init__(self, slots: int, values: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(slots, values, width) * DEVIATION)

    def embed(self, tokens: Int64[Tensor, "*b d"]) -> Float[Tensor, "*b d c"]:
        """The vectors of whole positions."""
        slots, values, _ = self.weight.shape
        return F.embedding(tokens + values * torch.arange(slots, device=tokens.device), self.weight.flatten(0, 1))

    def embed_slot(self, tokens: Int64[Tensor, "*b"], slot: int) -> Float[Tensor, "*b c"]:
        """Those of the tokens in one slot."""
        return F.embedding(tokens, self.weight[slot])

    def logits(self, x: Float[Tensor, "b p d c"]) -> Float[Tensor, "b p d v"]:
        """Products with all vectors of each slot."""
        return torch.einsum("bpdc,dvc->bpdv", x, self.weight)

    def slot_logits(self, x: Float[Tensor, "*b c"], slot: int) -> Float[Tensor, "*b v"]:
        """Products with all vectors of one slot."""
        return F.linear(x, self.weight[slot])


class SequenceInput(WithConstants):
    """What a transformer is given: a start that tells the class, then a vector for each step's tokens and place.

    A step is a position, whose tokens' vectors are added up, or with the layout's `flatten` a token, or with its
    `delay` a token of each slot.

    Args:
        values: of a token, with whatever a prior adds to them.
        classes: 0 for none; there is one start more than classes, the last, for none in particular.
    """

    rotation: Float[Tensor, "2 s r"] | None

    def __init__(self, config: TransformerPriorConfig, layout: CodeLayout, values: int, classes: int) -> None:
        super().__init__()
        self.flatten = layout.flatten
        self.tokens = SlotTable(layout.depth, values, config.width)
        self.starts = nn.Parameter(torch.randn(classes + 1, config.width) * DEVIATION)
        rows = len(layout.grids) if config.rotary else layout.spread
        self.table = nn.Parameter(torch.randn(rows, config.width) * DEVIATION)
        self.slots = nn.Parameter(torch.randn(layout.depth, config.width) * DEVIATION) if layout.flatten else None
        self.cells = (
            (*layout.cells[:-1], layout.cells[-1] + layout.spread - layout.positions) if config.rotary else None
        )
        self.drop = nn.Dropout(config.dropout)
        self.register_buffer("rotation", None, persistent=False)
        if config.rotary:
            self.hold_constants(lambda: {"rotation": rotations(layout, config.width // config.heads)})

    def embed(self, tokens: Int64[Tensor, "b p d"]) -> Float[Tensor, "b p d c"]:
        """A vector for each token."""
        return self.tokens.embed(tokens)

    def places(self) -> Float[Tensor, "s c"]:
        """What is added to every step: a learned vector of the place, or where places are rotations, of the map."""
        table: Tensor = self.table
        if self.cells is not None:
            table = map_rows(table, self.cells)
        return table if self.slots is None else (table.unsqueeze(1) + self.slots).flatten(0, 1)

    def forward(self, embedded: Float[Tensor, "b p d c"], labels: Int64[Tensor, " b"]) -> Float[Tensor, "b s c"]:
        """The start and a step for each of the positions, which need not be all."""
        contents = embedded.flatten(1, 2) if self.flatten else embedded.sum(2)
        steps = contents + self.places()[: contents.shape[1]]
        return self.drop(torch.cat([F.embedding(labels, self.starts).unsqueeze(1), steps], 1))


def map_rows(table: Float[Tensor, "m c"], cells: Sequence[int]) -> Float[Tensor, "s c"]:
    """The vector of each map at all of its cells."""
    return torch.cat([row.expand(count, -1) for row, count in zip(table, cells, strict=True)])


def rotations(layout: CodeLayout, channels: int, dtype: torch.dtype | None = None) -> Float[Tensor, "2 s r"]:
    """Cosines and sines for the start and every step: each axis turns its share of the channels.

    Coordinates are those of the finest map, so that what lies over each other in two maps has the same; the start is at
    -1, and the tokens of a position are all at one place.

    Raises:
        ValueError: the channels of a head cannot be shared out; or tokens are delayed beyond the end of more than a
            line.
    """
    grids = layout.grids
    if layout.delay:
        if [len(grid) for grid in grids] != [1]:
            raise ValueError(f"rotary places of delayed tokens need one code map of one axis, got {grids}.")
        grids = ((layout.spread,),)
    axes = max(1, *(len(grid) for grid in grids))
    if channels % (2 * axes):
        raise ValueError(
            f"rotary places along {axes} axes need heads of a multiple of {2 * axes} channels, got {channels}; "
            "choose another width or number of heads."
        )
    finest = [max((*grid, *[1] * axes)[axis] for grid in grids) for axis in range(axes)]
    places = [torch.full((1, axes), -1.0, dtype=dtype)]
    for grid in grids:
        sides = (*grid, *[1] * (axes - len(grid)))
        sizes = zip(sides, finest, strict=True)
        ticks = [(torch.arange(side, dtype=dtype) + 0.5) * fine / side - 0.5 for side, fine in sizes]
        places.append(torch.cartesian_prod(*ticks).reshape(-1, axes))
    repeats = layout.depth if layout.flatten else 1
    coordinates = torch.cat([places[0], torch.cat(places[1:]).repeat_interleave(repeats, 0)])
    count = channels // (2 * axes)
    frequencies = LONGEST_WAVE ** (-torch.arange(count, dtype=dtype) / count)
    angles = (coordinates.unsqueeze(2) * frequencies).flatten(1)
    return torch.stack([angles.cos(), angles.sin()])
