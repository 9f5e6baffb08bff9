"""The masked prior: all tokens at once, the least certain ones again.

Chang et al. 2022, "MaskGIT: Masked Generative Image Transformer" (arXiv:2202.04200), and the authors' code for what
the paper leaves open. Theirs is a BERT with norms after its branches, trained on smoothed labels. The blocks here are
the GPT's, so that the two priors differ in the method alone, and labels are not smoothed: a likelihood is measured.
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from priors.attention import Stack
from priors.embedding import SequenceInput, SlotTable
from priors.layout import CodeLayout, check_below
from priors.prior import Drawing, Labels, Prior, without_impossible
from priors.sampling import SamplingStopped, draw, filter_logits, guided
from priors.settings import MaskGITConfig, Sampling
from quantizers.modes import evaluating
from quantizers.options import check_integer

BOUND_DRAWS = 16
"""Maskings of a picture that its bound is estimated from."""


class MaskGIT(Prior):
    """p(tokens that are masked | those that are not), each by itself.

    Every token is masked by itself. Where a position has several and they are not flattened, the vectors of the known
    and of the masked ones are added up, and each slot has a head of its own on the position's output.

    `forward` takes tokens of which some are `mask_token`. The negative log-likelihood is bounded by that of the model
    that makes the tokens one by one in random order.
    """

    exact = False

    def __init__(self, config: MaskGITConfig, layout: CodeLayout, classes: int = 0) -> None:
        super().__init__(layout, classes, config.label_dropout)
        if layout.delay:
            raise ValueError("delay is an order in which tokens follow each other, and a MaskGIT has none; take a gpt.")
        self.config = config
        self.mask_token = layout.vocabulary
        self.input = SequenceInput(config, layout, layout.vocabulary + 1, classes)
        self.stack = Stack(config, config.layers, causal=False)
        self.head = SlotTable(layout.depth, layout.vocabulary, config.width)

    def forward(self, tokens: Int64[Tensor, "b p d"], labels: Labels | None = None) -> Float[Tensor, "b p d v"]:
        """Logits of each token from those that are not masked."""
        check_below("tokens", tokens, self.mask_token + 1)
        self._check_whole(tokens.masked_fill(tokens == self.mask_token, 0))
        return self._logits(tokens, self._starts(labels, len(tokens)))

    def loss(self, tokens: Int64[Tensor, "b p d"], labels: Labels | None = None) -> Float[Tensor, ""]:
        """Mean cross-entropy of a masked token in nats; the share that is masked is cos(pi/2 u), u uniform."""
        self._check_whole(tokens)
        shares = torch.cos(math.pi / 2 * torch.rand(len(tokens), device=tokens.device))
        counts = (shares * tokens[0].numel()).ceil().long().clamp_min(1)
        masked = random_masks(tokens, counts)
        entropies = self._cross_entropy(tokens, masked, self._training_starts(labels, len(tokens)))
        return (entropies * masked).sum() / masked.sum()

    @torch.no_grad()
    def bound(
        self,
        tokens: Int64[Tensor, "b p d"],
        labels: Labels | None = None,
        generator: torch.Generator | None = None,
        draws: int = BOUND_DRAWS,
    ) -> Float[Tensor, " b"]:
        """An unbiased estimate of an upper bound on the negative log-likelihood of whole pictures, in nats.

        The bound is that of making the tokens one by one in random order, which for masks is also the one of absorbing
        diffusion (Austin et al. 2021, arXiv:2107.03006; Hoogeboom et al. 2022, arXiv:2110.02037): with L tokens, the
        mean over m from 1 to L, and over all sets of m masked tokens, of L / m times their cross-entropy.

        Args:
            generator: where the maskings come from, on the tokens' device; one of seed 0 unless given. Batches of one
                measurement should share one, so that their errors are independent.
            draws: maskings of each picture, with their m spread evenly over 1 to L.
        """
        self._check_whole(tokens)
        check_integer("draws", draws, 1)
        starts, device = self._starts(labels, len(tokens)), tokens.device
        if generator is None:
            generator = torch.Generator(device).manual_seed(0)
        length = tokens[0].numel()
        total = torch.zeros(len(tokens), device=device)
        with evaluating(self):
            for index in range(draws):
                share = (index + torch.rand(len(tokens), generator=generator, device=device)) / draws
                counts = (share * length).long().clamp_max(length - 1) + 1
                masked = random_masks(tokens, counts, generator)
                entropies = self._cross_entropy(tokens, masked, starts)
                total += length / counts * (entropies * masked).sum((1, 2))
        return total / draws

    def _nll(self, tokens: Tensor, labels: Labels | None, generator: torch.Generator | None) -> Tensor:
        return self.bound(tokens, labels, generator)

    def _cross_entropy(self, tokens: Tensor, masked: Tensor, starts: Tensor) -> Float[Tensor, "b p d"]:
        logits = self._logits(tokens.masked_fill(masked, self.mask_token), starts).float()
        return F.cross_entropy(logits.movedim(-1, 1), tokens, reduction="none")

    def _logits(self, tokens: Int64[Tensor, "b p d"], starts: Int64[Tensor, " b"]) -> Float[Tensor, "b p d v"]:
        hidden = self.stack(self.input(self.input.embed(tokens), starts), self.input.rotation)[:, 1:]
        if self.layout.flatten:
            out = hidden.reshape(*tokens.shape, -1)
        else:
            out = hidden.unsqueeze(2).expand(*tokens.shape, -1)
        logits = self.head.logits(out)
        if not self.layout.has_gaps:
            return logits
        return without_impossible(logits, self.layout.largest(tokens, causal=False))

    def _sample(self, drawing: Drawing) -> Tensor:
        given, _, starts, sampling, generator, on_step, stop_requested = drawing
        count, first, depth = given.shape
        halves = drawing.halves
        tokens = given.new_full((count, self.layout.positions, depth), self.mask_token)
        tokens[:, :first] = given
        plan = mask_counts((self.layout.positions - first) * depth, sampling.steps)
        for step, remaining in enumerate(plan, 1):
            if stop_requested():
                raise SamplingStopped(f"stopped after {step - 1} of {len(plan)} steps")
            logits = self._logits(tokens.repeat(halves, 1, 1), starts)
            if halves == 2:
                conditional, unconditional = logits.chunk(2)
                logits = guided(conditional, unconditional, sampling.guidance)
            masked = tokens == self.mask_token
            tokens = self._fill(tokens, logits, sampling, generator)
            noise = sampling.choice_temperature * (1 - step / len(plan))
            confidence = confidences(logits, tokens, noise, generator).masked_fill(~masked, math.inf)
            tokens = remask(tokens, confidence, remaining, self.mask_token)
            on_step(step, len(plan))
        return tokens

    def _fill(
        self, tokens: Tensor, logits: Tensor, sampling: Sampling, generator: torch.Generator | None
    ) -> Int64[Tensor, "b p d"]:
        """The tokens with a value drawn for every masked one.

        Where not all digits make a code, those of one are drawn one after the other, each given the one before as far
        as it goes: they must fit together, although only some of them may stay.
        """
        if not self.layout.has_gaps:
            return torch.where(tokens == self.mask_token, draw(filter_logits(logits, sampling), generator), tokens)
        tokens = tokens.clone()
        for slot in range(self.layout.depth):
            possible = without_impossible(logits[:, :, slot], self.layout.largest(tokens, causal=False)[:, :, slot])
            drawn = draw(filter_logits(possible, sampling), generator)
            tokens[:, :, slot] = torch.where(tokens[:, :, slot] == self.mask_token, drawn, tokens[:, :, slot])
        return tokens


def random_masks(
    tokens: Int64[Tensor, "b p d"], counts: Int64[Tensor, " b"], generator: torch.Generator | None = None
) -> Bool[Tensor, "b p d"]:
    """So many tokens of each picture, all sets being equally likely."""
    scores = torch.rand(len(tokens), tokens[0].numel(), generator=generator, device=tokens.device)
    return (scores.argsort(1).argsort(1) < counts.unsqueeze(1)).view_as(tokens)


def mask_counts(tokens: int, steps: int) -> list[int]:
    """How many tokens are still masked after each step: a quarter of a cosine, at least one less each time."""
    steps, left = min(steps, tokens), tokens
    counts = []
    for step in range(1, steps):
        left = max(1, min(left - 1, math.floor(tokens * math.cos(math.pi / 2 * step / steps))))
        counts.append(left)
    return [*counts, 0] if steps else []


def confidences(
    logits: Float[Tensor, "b p d v"],
    tokens: Int64[Tensor, "b p d"],
    noise: float,
    generator: torch.Generator | None,
) -> Float[Tensor, "b p d"]:
    """Log-probability of each token with Gumbel noise of a scale; larger is surer."""
    chosen = logits.float().log_softmax(-1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    waiting = torch.empty_like(chosen).exponential_(generator=generator)
    return chosen - noise * waiting.log()


def remask(
    tokens: Int64[Tensor, "b p d"], confidence: Float[Tensor, "b p d"], count: int, mask_token: int
) -> Int64[Tensor, "b p d"]:
    """Mask the least certain tokens of each picture again."""
    least = confidence.flatten(1).topk(count, largest=False).indices
    return tokens.flatten(1).scatter(1, least, mask_token).view_as(tokens)
