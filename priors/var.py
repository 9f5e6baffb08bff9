"""The prior by next scale: all codes of a scale at once, from the picture that the coarser scales make.

Tian et al. 2024, "Visual Autoregressive Modeling: Scalable Image Generation via Next-Scale Prediction"
(arXiv:2404.02905), on the codes of the quantizer `multi-scale`. Guidance is of one scale here at all steps, where the
authors' code lets it grow from none at the first.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int64
from torch import Tensor, nn

from priors.adaptive import AdaptiveStack
from priors.attention import DEVIATION, initialise
from priors.embedding import SlotTable, map_rows, rotations
from priors.layout import CodeLayout, multi_scale_of
from priors.prior import Drawing, ExactPrior, Labels
from priors.sampling import SamplingStopped, draw, filter_logits, guided
from priors.settings import VARConfig
from quantizers import Quantizer
from quantizers.constants import WithConstants
from quantizers.multi_scale import MultiScale
from quantizers.scales import shrink


class VAR(ExactPrior):
    """p(tokens) as the product over scales of p(scale | all coarser ones), in which the codes of a scale are
    independent; exactly so.

    A scale's steps are given the sum that the codes of the coarser ones stand for, as the quantizer has it, shrunk to
    the scale's size; the first scale's the vector of the class, which also conditions the norms (`adaptive`).

    Args:
        config: sizes.
        layout: by scale.
        classes: number of labels; 0 for none.
        quantizers: the tokenizer's one, a `multi-scale`, of which a frozen copy is kept, and stored with the weights.

    Raises:
        ValueError: a layout that is not by scale, or not that of the quantizer.
    """

    def __init__(
        self, config: VARConfig, layout: CodeLayout, classes: int = 0, quantizers: Sequence[Quantizer] = ()
    ) -> None:
        super().__init__(layout, classes, config.label_dropout)
        if not layout.by_scale or layout.sub_tokens > 1:
            raise ValueError("a var predicts whole codes by scale; make the layout with by_scale=True.")
        quantizer = multi_scale_of(quantizers)
        _require_own(layout, quantizer)
        self.config = config
        self.input = ScaleInput(config, layout, quantizer, classes)
        self.stack = AdaptiveStack(config, layout.cells, by_class=classes > 0)
        self.head = SlotTable(layout.depth, layout.vocabulary, config.width)

    def forward(self, tokens: Int64[Tensor, "b p d"], labels: Labels | None = None) -> Float[Tensor, "b p d v"]:
        """Logits of each token from those of coarser scales."""
        self._check_whole(tokens)
        return self._logits(tokens, self._starts(labels, len(tokens)))

    def _logits(self, tokens: Int64[Tensor, "b p d"], starts: Int64[Tensor, " b"]) -> Float[Tensor, "b p d v"]:
        start = self.input.start(starts)
        hidden = self.stack(self.input(tokens, start), start, self.input.rotation)
        return self.head.logits(hidden.unsqueeze(2))

    def _sample(self, drawing: Drawing) -> Tensor:
        given, positions, starts, sampling, generator, on_step, stop_requested = drawing
        count, first, depth = given.shape
        tokens = given.new_zeros(count, self.layout.positions, depth)
        tokens[:, :first] = given
        scales = [(begin, end) for begin, end in pairwise((0, *accumulate(self.layout.cells))) if begin < positions]
        decoder = ScaleDecoder(self, starts)
        for scale, (begin, end) in enumerate(scales):
            if stop_requested():
                raise SamplingStopped(f"stopped after {scale} of {len(scales)} scales")
            logits = decoder.logits()
            if drawing.halves == 2:
                conditional, unconditional = logits.chunk(2)
                logits = guided(conditional, unconditional, sampling.guidance)
            known = max(first - begin, 0)  # codes of a scale are independent: those given among them stay
            tokens[:, begin + known : end] = draw(filter_logits(logits, sampling), generator)[:, known:]
            decoder.advance(tokens[:, begin:end].repeat(drawing.halves, 1, 1))
            on_step(scale + 1, len(scales))
        return tokens


class ScaleDecoder:
    """A VAR one scale after the other, what it has computed of those before being kept.

    Args:
        var: in eval mode, without gradients.
        starts: which start each picture has.
    """

    def __init__(self, var: VAR, starts: Int64[Tensor, " b"]) -> None:
        self.var = var
        self.starts = var.input.start(starts)
        self.caches = var.stack.caches(len(starts), var.layout.positions)
        self.scale = 0
        self.total: Float[Tensor, "b e *spatial"] | None = None

    def logits(self) -> Float[Tensor, "b n d v"]:
        """Of all codes of the next scale."""
        var, begin = self.var, sum(self.var.layout.cells[: self.scale])
        x = var.input.steps(self.scale, self.starts, self.total)
        turns = var.input.rotation
        turn = None if turns is None else turns[:, begin : begin + x.shape[1]]
        return var.head.logits(var.stack(x, self.starts, turn, self.caches, begin).unsqueeze(2))

    def advance(self, tokens: Int64[Tensor, "b n d"]) -> None:
        """Go on by a scale, of which these are the codes."""
        self.total = self.var.input.added(self.total, self.scale, tokens)
        self.scale += 1


class ScaleInput(WithConstants):
    """What the transformer is given at each code: the class's vector for those of the first scale, then the sum so far
    at the scale's own size; and a vector of the place, or where places are rotations, of the scale."""

    rotation: Float[Tensor, "2 s r"] | None

    def __init__(self, config: VARConfig, layout: CodeLayout, quantizer: MultiScale, classes: int) -> None:
        super().__init__()
        self.grids, self.cells = layout.grids, layout.cells
        self.quantizer = copy.deepcopy(quantizer)
        self.quantizer.requires_grad_(False)
        self.project = nn.Linear(quantizer.dim, config.width)
        initialise(self.project)
        self.starts = nn.Parameter(torch.randn(classes + 1, config.width) * DEVIATION)
        rows = len(layout.grids) if config.rotary else layout.positions
        self.table = nn.Parameter(torch.randn(rows, config.width) * DEVIATION)
        self.rotary = config.rotary
        self.drop = nn.Dropout(config.dropout)
        self.register_buffer("rotation", None, persistent=False)
        if config.rotary:  # without that of a start, which the first scale takes the place of
            self.hold_constants(lambda: {"rotation": rotations(layout, config.width // config.heads)[:, 1:]})

    def start(self, labels: Int64[Tensor, " b"]) -> Float[Tensor, "b c"]:
        """The vectors of classes."""
        return F.embedding(labels, self.starts)

    def forward(self, tokens: Int64[Tensor, "b p d"], start: Float[Tensor, "b c"]) -> Float[Tensor, "b p c"]:
        """The steps of all scales of whole pictures."""
        total, steps = None, []
        for scale, some in enumerate(tokens.split(self.cells, 1)):
            steps.append(self.steps(scale, start, total))
            total = self.added(total, scale, some)
        return torch.cat(steps, 1)

    def steps(
        self, scale: int, start: Float[Tensor, "b c"], total: Float[Tensor, "b e *spatial"] | None
    ) -> Float[Tensor, "b n c"]:
        """Those of one scale, from the sum of those before it."""
        if total is None:
            content = start.unsqueeze(1)
        else:
            rows = rearrange(shrink(total, self.grids[scale]), "b d ... -> b (...) d")
            content = self.project(rows.to(self.project.weight.dtype))
        table = map_rows(self.table, self.cells) if self.rotary else self.table
        return self.drop(content + table.split(self.cells)[scale])

    def added(
        self, total: Float[Tensor, "b e *spatial"] | None, scale: int, tokens: Int64[Tensor, "b n d"]
    ) -> Float[Tensor, "b e *spatial"]:
        """The sum with the codes of one scale more."""
        codes = tokens.reshape(len(tokens), *self.grids[scale])
        found = self.quantizer.contribution(scale, codes, self.grids[-1])
        return found if total is None else total + found


def _require_own(layout: CodeLayout, quantizer: MultiScale) -> None:
    sizes = tuple(quantizer.map_sizes(layout.grids[-1]))
    if sizes != layout.grids or quantizer.codebook_size != layout.codebook_size:
        raise ValueError(
            f"the layout must be the quantizer's, maps of {sizes} of {quantizer.codebook_size} codes, got maps of "
            f"{layout.grids} of {layout.codebook_size}."
        )
