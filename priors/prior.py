"""What every prior is: a distribution over the tokens of pictures, to be trained, measured and drawn from."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from priors.layout import CodeLayout, check_below
from priors.settings import Sampling, TransformerPriorConfig
from quantizers.modes import evaluating
from quantizers.options import check_integer

OnStep = Callable[[int, int], None]
StopRequested = Callable[[], bool]

Labels = Int64[Tensor, " b"] | Sequence[int]
"""The class of each picture."""


class Drawing(NamedTuple):
    """What `Prior.sample` was asked for, checked.

    Attributes:
        given: Tokens of the first positions, (B, q, d), perhaps of none.
        positions: How many of the first positions are wanted, those given among them.
        starts: Which start each picture has; under guidance those without a class follow those with, (2 B,).
        sampling: How tokens are drawn.
        generator: Where the chance comes from.
        on_step: Told after each step how many are done, of how many.
        stop_requested: Asked before each step.
    """

    given: Int64[Tensor, "b q d"]
    positions: int
    starts: Int64[Tensor, " n"]
    sampling: Sampling
    generator: torch.Generator | None
    on_step: OnStep
    stop_requested: StopRequested

    @property
    def halves(self) -> int:
        """2 under guidance, else 1."""
        return len(self.starts) // len(self.given)


class Prior(nn.Module, ABC):
    """A distribution over tokens (B, positions, depth), given labels if it has classes.

    A prior implements `forward`, `loss`, `_nll` and `_sample`, or as an `ExactPrior` the first and the last.

    Attributes:
        config: its sizes.
        layout: which codes the tokens stand for.
        classes: number of labels; 0 for a prior that takes none.
        exact: whether `nll` is the negative log-likelihood; where not it is an upper bound.
    """

    exact: ClassVar[bool]
    config: TransformerPriorConfig

    def __init__(self, layout: CodeLayout, classes: int, label_dropout: float) -> None:
        super().__init__()
        self.layout = layout
        self.classes = check_integer("classes", classes, 0)
        self.label_dropout = label_dropout

    @abstractmethod
    def forward(self, tokens: Int64[Tensor, "b p d"], labels: Labels | None = None) -> Float[Tensor, "b p d v"]:
        """Logits of every token. ValueError on tokens or labels that do not fit."""

    @abstractmethod
    def loss(self, tokens: Int64[Tensor, "b p d"], labels: Labels | None = None) -> Float[Tensor, ""]:
        """What training minimises, in nats per token, some labels being hidden. ValueError as `forward`."""

    @torch.no_grad()
    def nll(
        self,
        tokens: Int64[Tensor, "b p d"],
        labels: Labels | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, " b"]:
        """Negative log-likelihood of whole pictures in nats, or a bound above it; in eval mode, without gradients.

        Args:
            generator: where a bound that is an estimate takes its chance from, on the tokens' device; one of seed 0
                unless given. Batches of one measurement should share one, so that their errors are independent.

        Raises:
            ValueError: tokens or labels that do not fit.
        """
        self._check_whole(tokens)
        with evaluating(self):
            return self._nll(tokens, labels, generator)

    @torch.no_grad()
    def sample(
        self,
        count: int,
        labels: Labels | None = None,
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
        generator: torch.Generator | None = None,
        given: Int64[Tensor, "b q d"] | None = None,
        positions: int | None = None,
        on_step: OnStep = lambda done, total: None,
        stop_requested: StopRequested = lambda: False,
    ) -> Int64[Tensor, "b p d"]:
        """Draw the tokens of new pictures; in eval mode, without gradients.

        Args:
            count: how many.
            labels: of each, where the prior has classes.
            sampling: how.
            generator: where the chance comes from, on the prior's device; equal ones give equal pictures.
            given: tokens of the first positions, which are kept: the upper part of a picture.
            positions: how many of the first positions are wanted, those given among them; all unless given.
            on_step: told after each step how many are done, of how many.
            stop_requested: asked before each step.

        Raises:
            ValueError: arguments that do not fit the prior or each other.
            SamplingStopped: `stop_requested` said so.
        """
        check_integer("count", count, 1)
        device = next(self.parameters()).device
        if given is None:
            given = torch.zeros(count, 0, self.layout.depth, dtype=torch.int64, device=device)
        self.layout.check(given)
        if len(given) != count:
            raise ValueError(f"given must have the first positions of all {count} pictures, got {len(given)}.")
        wanted = self.layout.positions if positions is None else check_integer("positions", positions, given.shape[1])
        if wanted > self.layout.positions:
            raise ValueError(f"positions must be at most the {self.layout.positions} that there are, got {wanted}.")
        if self.layout.delay and wanted != self.layout.positions:
            raise ValueError(f"positions must be all {self.layout.positions} of delayed tokens, got {wanted}.")
        starts = self._starts(labels, count)
        if sampling.guidance != 1:
            if not self.classes or not self.label_dropout:
                raise ValueError(
                    "guidance needs a prior that was trained with classes and label_dropout; leave it at 1 here."
                )
            starts = torch.cat([starts, torch.full_like(starts, self.classes)])
        with evaluating(self):
            drawing = Drawing(given, wanted, starts, sampling, generator, on_step, stop_requested)
            return self._sample(drawing)[:, :wanted]

    @abstractmethod
    def _nll(self, tokens: Tensor, labels: Labels | None, generator: torch.Generator | None) -> Tensor:
        """`nll` of checked tokens."""

    @abstractmethod
    def _sample(self, drawing: Drawing) -> Tensor:
        """`sample` with everything checked."""

    def _starts(self, labels: Labels | None, count: int) -> Int64[Tensor, " b"]:
        """Which start each picture has: its label, or the number of classes for none."""
        device = next(self.parameters()).device
        if not self.classes:
            if labels is not None:
                raise ValueError("this prior was made without classes; leave labels out.")
            return torch.zeros(count, dtype=torch.int64, device=device)
        if labels is None:
            raise ValueError(f"labels are missing: this prior takes one of {self.classes} classes for each picture.")
        labels = torch.as_tensor(labels)
        if labels.dtype != torch.int64 or labels.shape != (count,):
            raise ValueError(
                f"labels must be int64, one for each of {count} pictures, got {labels.dtype} of {tuple(labels.shape)}."
            )
        check_below("labels", labels, self.classes)
        return labels.to(device)

    def _training_starts(self, labels: Labels | None, count: int) -> Int64[Tensor, " b"]:
        """The same, a share of the labels being hidden in training."""
        starts = self._starts(labels, count)
        if not (self.training and self.classes and self.label_dropout):
            return starts
        hidden = torch.rand(count, device=starts.device) < self.label_dropout
        return starts.masked_fill(hidden, self.classes)

    def _check_whole(self, tokens: Tensor) -> None:
        self.layout.check(tokens)
        if tokens.shape[1] != self.layout.positions:
            raise ValueError(f"tokens must be of all {self.layout.positions} positions, got {tokens.shape[1]}.")


def without_impossible(logits: Float[Tensor, "*b v"], largest: Int64[Tensor, "*b"]) -> Float[Tensor, "*b v"]:
    """Logits that are -inf above the largest value that each token can have."""
    values = torch.arange(logits.shape[-1], device=logits.device)
    return logits.masked_fill(values > largest.unsqueeze(-1), -math.inf)


class ExactPrior(Prior):
    """A prior whose one pass has the logits of every token given those that it depends on, so that the likelihood is a
    product of these. It implements `forward`, `_logits` and `_sample`."""

    exact = True

    @abstractmethod
    def _logits(self, tokens: Int64[Tensor, "b p d"], starts: Int64[Tensor, " b"]) -> Float[Tensor, "b p d v"]:
        """Logits of each token."""

    def loss(self, tokens: Int64[Tensor, "b p d"], labels: Labels | None = None) -> Float[Tensor, ""]:
        """Mean cross-entropy of a token in nats."""
        self._check_whole(tokens)
        logits = self._logits(tokens, self._training_starts(labels, len(tokens)))
        return F.cross_entropy(logits.flatten(0, 2).float(), tokens.flatten())

    def _nll(self, tokens: Tensor, labels: Labels | None, generator: torch.Generator | None) -> Tensor:
        logits = self._logits(tokens, self._starts(labels, len(tokens))).float()
        return F.cross_entropy(logits.movedim(-1, 1), tokens, reduction="none").sum((1, 2))
