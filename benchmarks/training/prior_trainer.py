"""Training a prior on codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from accelerate import Accelerator
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from benchmarks.protocols.generation.codes import CodeBatch
from benchmarks.training.loop import TrainingError, TrainingLoop, watched
from benchmarks.training.settings import TrainConfig
from priors import Prior

WEIGHT_DECAY = 0.01
"""Of matrices but for embeddings, as in taming-transformers."""

LARGEST_GRADIENT = 1.0
"""Norm that gradients are cut to, as GPTs are trained since GPT-3."""


class _Loss(nn.Module):
    """The prior's loss as a forward pass, which is what DDP averages the gradients of."""

    def __init__(self, prior: Prior) -> None:
        super().__init__()
        self.prior = prior

    def forward(self, batch: CodeBatch) -> torch.Tensor:
        return self.prior.loss(batch.tokens, batch.labels)


class PriorTrainer(TrainingLoop[CodeBatch]):
    """Trains one prior in place, on batches of codes.

    Args:
        prior: The model.
        train: How long and how fast.
        seed: Seeds the noise of the training (data and initial weights are the caller's).
        accelerator: From `make_accelerator`.
        run: The id of the prior; a checkpoint of another one is refused.
        pictures: Digest of the content of the pictures that the codes are of; a checkpoint of another is refused.
        weights: Digest of the tokenizer's weights; a checkpoint on codes of others is refused.
    """

    def __init__(
        self,
        prior: Prior,
        train: TrainConfig,
        seed: int,
        accelerator: Accelerator,
        run: str,
        pictures: str | None = None,
        weights: str | None = None,
    ) -> None:
        super().__init__(train, accelerator, run, pictures, weights)
        self.prior = prior.to(self.device).train()
        self.average = (
            AveragedModel(self.prior, multi_avg_fn=get_ema_multi_avg_fn(train.weight_ema)) if train.weight_ema else None
        )
        optimizer = torch.optim.AdamW(parameter_groups(prior), lr=0.0, betas=train.betas)
        self.model, self.optimizer = accelerator.prepare(_Loss(self.prior), optimizer)
        self._seed(seed)

    @property
    def _averaged(self) -> Prior:
        """The weight average, or the model itself."""
        return self.prior if self.average is None else self.average.module  # type: ignore[return-value]

    def evaluated(self) -> Prior:
        """The prior to measure and store: the weight average, or the model itself, in eval mode."""
        return self._averaged.eval()

    @contextmanager
    def present(self) -> Iterator[Prior]:
        """The prior to measure and store if the training ended now, for a look at it that leaves no trace."""
        with watched(self._averaged, self.device):
            yield self._averaged

    def _train_step(self, batch: CodeBatch) -> None:
        self._set_learning_rate(self.optimizer)
        tokens, labels = batch.tokens.to(self.device), None if batch.labels is None else batch.labels.to(self.device)
        parts = self.train.accumulation
        label_parts = [None] * parts if labels is None else labels.chunk(parts)
        for some, classes in zip(tokens.chunk(parts), label_parts, strict=True):
            with self.accelerator.accumulate(self.model):
                self._train_part(CodeBatch(some, classes))
        if self.average is not None:
            self.average.update_parameters(self.prior)

    def _train_part(self, batch: CodeBatch) -> None:
        try:
            with self.accelerator.autocast():
                loss = self.model(batch)
        except ValueError as error:
            raise TrainingError(f"step {self.step + 1}: the forward pass failed: {error}") from error
        terms = {"loss": loss}
        self._require_finite(terms)
        self.accelerator.backward(loss)
        if self.accelerator.sync_gradients:
            self.accelerator.clip_grad_norm_(self.model.parameters(), LARGEST_GRADIENT)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self._collect(terms)

    def _parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        parts = {"prior": self.prior, "optimizer": self.optimizer, "average": self.average}
        if self.accelerator.scaler is not None:
            parts["scaler"] = self.accelerator.scaler
        return {name: part for name, part in parts.items() if part is not None}


def parameter_groups(prior: Prior) -> list[dict[str, object]]:
    """The parameters with weight decay, which are the matrices of linear layers, and those without."""
    decayed = [module.weight for module in prior.modules() if isinstance(module, nn.Linear)]
    chosen = set(map(id, decayed))
    others = [parameter for parameter in prior.parameters() if id(parameter) not in chosen]
    return [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
