"""The autoregressive prior: a GPT over positions, and over the tokens of each.

Radford et al. 2019 (GPT-2) on codes, as Esser et al. 2021, "Taming Transformers" (arXiv:2012.09841), have it; with a
depth part, the RQ-Transformer of Lee et al. 2022 (arXiv:2203.01941), or the delay pattern of MusicGen (`delay`). All
maps are one sequence, so that in VQ-VAE-2 the bottom map is conditioned on the whole top map.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from priors.attention import LayerCache, Stack
from priors.delay import delayed, undelayed
from priors.depth import DepthPart
from priors.embedding import SequenceInput, SlotTable
from priors.layout import CodeLayout
from priors.prior import Drawing, ExactPrior, Labels, without_impossible
from priors.sampling import SamplingStopped, draw, filter_logits, guided
from priors.settings import GPTConfig


class GPT(ExactPrior):
    """p(tokens) as the product of p(token | all before it), and exactly so."""

    def __init__(self, config: GPTConfig, layout: CodeLayout, classes: int = 0) -> None:
        super().__init__(layout, classes, config.label_dropout)
        self.config = config
        self.absent = layout.vocabulary  # a slot's token in steps where it has none
        self.input = SequenceInput(config, layout, layout.vocabulary + layout.delay, classes)
        self.stack = Stack(config, config.layers, causal=True)
        has_depth = layout.depth > 1 and not layout.flatten and not layout.delay
        self.depth_part = DepthPart(config, config.depth_layers, layout.depth) if has_depth else None
        self.head = None if config.tie_weights else SlotTable(layout.depth, layout.vocabulary, config.width)

    @property
    def output(self) -> SlotTable:
        """What logits are products with."""
        return self.input.tokens if self.head is None else self.head

    def forward(self, tokens: Int64[Tensor, "b p d"], labels: Labels | None = None) -> Float[Tensor, "b p d v"]:
        """Logits of each token from those before it; also for the first positions alone, but of delayed ones, where
        tokens of later positions come before the last of earlier ones."""
        if self.layout.delay:
            self._check_whole(tokens)
        else:
            self.layout.check(tokens)
        return self._logits(tokens, self._starts(labels, len(tokens)))

    def _logits(self, tokens: Int64[Tensor, "b p d"], starts: Int64[Tensor, " b"]) -> Float[Tensor, "b p d v"]:
        embedded = self.input.embed(delayed(tokens, self.absent) if self.layout.delay else tokens)
        x = self.input(embedded, starts)[:, :-1]
        turns = self.input.rotation
        hidden = self.stack(x, None if turns is None else turns[:, : x.shape[1]])
        if self.layout.delay:
            every_slot = hidden.unsqueeze(2).expand(-1, -1, self.layout.depth, -1)
            logits = undelayed(self.output.logits(every_slot))[..., : self.layout.vocabulary]
        elif self.depth_part is None:
            logits = self.output.logits(hidden.reshape(*tokens.shape, -1))
        else:
            logits = self.output.logits(self.depth_part(hidden, embedded))
        if not self.layout.has_gaps:
            return logits
        return without_impossible(logits, self.layout.largest(tokens, causal=True))

    def _sample(self, drawing: Drawing) -> Tensor:
        given, positions, starts, sampling, generator, on_step, stop_requested = drawing
        count, first, depth = given.shape
        halves = drawing.halves
        tokens = given.new_zeros(count, positions, depth)
        tokens[:, :first] = given

        def choose(logits: Tensor) -> Tensor:
            if halves == 2:
                conditional, unconditional = logits.chunk(2)
                logits = guided(conditional, unconditional, sampling.guidance)
            return draw(filter_logits(logits, sampling), generator).repeat(halves)

        if self.layout.delay:
            self._draw_delayed(tokens, first, choose, drawing)
            return tokens
        decoder = Decoder(self, given.repeat(halves, 1, 1), starts)
        for position in range(first, positions):
            if stop_requested():
                raise SamplingStopped(f"stopped after {position} of {positions} positions")
            tokens[:, position] = decoder.next_position(choose)[:count]
            on_step(position + 1, positions)
        return tokens

    def _draw_delayed(
        self,
        tokens: Int64[Tensor, "b p d"],
        first: int,
        choose: Callable[[Float[Tensor, "n v"]], Int64[Tensor, " n"]],
        drawing: Drawing,
    ) -> None:
        """Fill in the tokens from position `first` on, one of each slot in a step.

        Of three slots or more the last ones of given positions come after later positions' first ones: they are kept,
        and what is drawn before them does not know them.
        """
        halves, layout = drawing.halves, self.layout
        known = delayed(tokens, self.absent)[:, :first]  # steps of given positions alone
        decoder = Decoder(self, known.repeat(halves, 1, 1), drawing.starts)
        for step in range(first, layout.spread):
            if drawing.stop_requested():
                raise SamplingStopped(f"stopped after {step} of {layout.spread} steps")
            vectors = []
            for slot in range(layout.depth):
                position = step - slot
                now = tokens.new_full((len(tokens),), self.absent)
                if 0 <= position < layout.positions:
                    if position >= first:
                        logits = self.output.slot_logits(decoder.hidden, slot)[..., : layout.vocabulary]
                        if layout.has_gaps:
                            so_far = tokens[:, position].repeat(halves, 1)
                            logits = without_impossible(logits, layout.largest(so_far, causal=True)[:, slot])
                        tokens[:, position, slot] = choose(logits)[: len(tokens)]
                    now = tokens[:, position, slot]
                vectors.append(self.input.tokens.embed_slot(now.repeat(halves), slot))
            decoder.advance(torch.stack(vectors).sum(0))
            drawing.on_step(step + 1, layout.spread)


class Decoder:
    """A GPT one position after the other, what it has computed of those before being kept.

    Args:
        gpt: in eval mode, without gradients.
        given: tokens of the first positions, perhaps none; where they are delayed, of the first steps.
        starts: which start each picture has.
    """

    def __init__(self, gpt: GPT, given: Int64[Tensor, "b q d"], starts: Int64[Tensor, " b"]) -> None:
        self.gpt = gpt
        layout = gpt.layout
        self.caches = gpt.stack.caches(len(given), layout.steps)
        self.depth_caches: list[LayerCache] = []
        if gpt.depth_part is not None:
            self.depth_caches = gpt.depth_part.stack.caches(len(given), layout.depth)
        self.places = gpt.input.places()
        x = gpt.input(gpt.input.embed(given), starts)[:, : layout.steps]
        self.seen = x.shape[1]  # steps in the caches
        turns = gpt.input.rotation
        self.hidden = gpt.stack(x, None if turns is None else turns[:, : self.seen], self.caches)[:, -1]

    def next_position(self, choose: Callable[[Float[Tensor, "b v"]], Int64[Tensor, " b"]]) -> Int64[Tensor, "b d"]:
        """Go on by a position; its tokens, each as chosen from its logits."""
        gpt = self.gpt
        tokens = torch.zeros(len(self.hidden), gpt.layout.depth, dtype=torch.int64, device=self.hidden.device)
        content = self.hidden
        for slot in range(gpt.layout.depth):
            out = self.hidden
            if gpt.depth_part is not None:
                out = gpt.depth_part.step(content, slot, self.depth_caches)
            logits = gpt.output.slot_logits(out, slot)
            if gpt.layout.has_gaps:
                logits = without_impossible(logits, gpt.layout.largest(tokens, causal=True)[:, slot])
            tokens[:, slot] = choose(logits)
            vector = gpt.input.tokens.embed_slot(tokens[:, slot], slot)
            content = content + vector if slot else vector
            if gpt.layout.flatten:
                self.advance(vector)
        if not gpt.layout.flatten:
            self.advance(content)
        return tokens

    def advance(self, content: Float[Tensor, "b c"]) -> None:
        """Let the transformer see one more step."""
        if self.seen == len(self.places):  # nothing follows the last
            return
        x, turns = content + self.places[self.seen - 1], self.gpt.input.rotation
        turn = None if turns is None else turns[:, self.seen : self.seen + 1]
        self.hidden = self.gpt.stack(x.unsqueeze(1), turn, self.caches, self.seen).squeeze(1)
        self.seen += 1
