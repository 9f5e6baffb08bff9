"""What the losses of all signals have in common: what they give, and how a trainer calls them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn


class Loss(NamedTuple):
    """What to minimise, and the detached scalars it is made of."""

    total: Float[Tensor, ""]
    terms: dict[str, Float[Tensor, ""]]

    @classmethod
    def of(cls, total: Tensor, terms: Mapping[str, Tensor]) -> Loss:
        """With the total among the terms."""
        return cls(total, {name: term.detach() for name, term in {**terms, "total": total}.items()})


class TrainingLoss(nn.Module, ABC):
    """The losses of both players. It owns no weights to train: the discriminator comes as an argument.

    Attributes:
        config: Terms and weights, `codebook_weight` among them.
    """

    config: Any

    @abstractmethod
    def make_discriminator(self) -> nn.Module | None:
        """A fresh discriminator; None without a GAN."""

    @abstractmethod
    def gan_active(self, step: int) -> bool:
        """Whether the discriminator is trained and counts at this step."""

    @abstractmethod
    def generator(
        self,
        original: Float[Tensor, "b c *extent"],
        reconstruction: Float[Tensor, "b c *extent"],
        quantizer_loss: Float[Tensor, ""],
        *,
        step: int,
        discriminator: nn.Module | None = None,
        last_layer: Tensor | None = None,
        log_scale: Float[Tensor, "b c *extent"] | None = None,
    ) -> Loss:
        """Loss of encoder, quantizers and decoder. No gradient reaches the discriminator, which may be wrapped in DDP
        and is needed while `gan_active`; `last_layer` and `log_scale` are the tokenizer's, for losses that use them."""

    @abstractmethod
    def discriminator(
        self,
        original: Float[Tensor, "b c *extent"],
        reconstruction: Float[Tensor, "b c *extent"],
        discriminator: nn.Module,
    ) -> Loss:
        """Loss of the discriminator, for the steps where `gan_active`; no gradient reaches the tokenizer."""


@contextmanager
def frozen(module: nn.Module) -> Iterator[nn.Module]:
    """The module out of its DDP wrapper, such that a forward pass records no gradient for its weights.

    The gradient still goes through it to its input. Without this the generator's backward pass would add to
    the discriminator's gradients, and DDP would average them.
    """
    module = module.module if isinstance(module, nn.parallel.DistributedDataParallel) else module
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in trainable:
        parameter.requires_grad_(False)
    try:
        yield module
    finally:
        for parameter in trainable:
            parameter.requires_grad_(True)
