"""Sizes of the priors and how they are drawn from, apart from the networks: to read them needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from quantizers.options import check_flag, check_integer, check_number


@dataclass(frozen=True)
class TransformerPriorConfig:
    """Sizes that all priors have."""

    width: int = 256
    """Channels of a token."""
    layers: int = 6
    """Transformer blocks."""
    heads: int = 4
    """Attention heads of a block; they share the width out."""
    dropout: float = 0.1
    """Share of inputs, attention weights and branches' outputs that is dropped in training."""
    rotary: bool = False
    """Rotary places along each axis of a map (Su et al. 2021, arXiv:2104.09864), instead of a learned vector each."""
    label_dropout: float = 0.1
    """Share of labels that training hides, so that sampling can be guided."""

    def __post_init__(self) -> None:
        for name in ("width", "layers", "heads"):
            check_integer(name, getattr(self, name), 1)
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of the {self.heads} heads, got {self.width}.")
        check_number("dropout", self.dropout, 0, 1)
        check_number("label_dropout", self.label_dropout, 0, 1)
        check_flag("rotary", self.rotary)


@dataclass(frozen=True)
class GPTConfig(TransformerPriorConfig):
    """Sizes of the transformer."""

    depth_layers: int = 2
    """Blocks of the depth part, which is there where a position has several tokens and they are not flattened."""
    tie_weights: bool = False
    """Whether the vectors of the tokens are also those that logits are products with."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("depth_layers", self.depth_layers, 1)
        check_flag("tie_weights", self.tie_weights)


@dataclass(frozen=True)
class MaskGITConfig(TransformerPriorConfig):
    """Sizes of the transformer."""


@dataclass(frozen=True)
class Sampling:
    """What becomes of the logits before a token is drawn. The defaults draw from the model as it is."""

    temperature: float = 1.0
    """Divides the logits."""
    top_k: int | None = None
    """Draw from this many of the likeliest values."""
    top_p: float | None = None
    """Draw from the fewest values, likeliest first, that have this probability together (nucleus sampling)."""
    guidance: float = 1.0
    """Scale of classifier-free guidance; 1 is none."""
    steps: int = 8
    """MaskGIT: forward passes that a picture is made in."""
    choice_temperature: float = 4.5
    """MaskGIT: Gumbel noise on the confidence by which tokens are kept, at first; it falls to 0."""

    def __post_init__(self) -> None:
        check_number("guidance", self.guidance, 0)
        check_number("choice_temperature", self.choice_temperature, 0)
        check_number("temperature", self.temperature, 0)
        if not self.temperature:
            raise ValueError("temperature must be above 0; take top_k=1 for the likeliest value.")
        if self.top_k is not None:
            check_integer("top_k", self.top_k, 1)
        if self.top_p is not None:
            check_number("top_p", self.top_p, 0, 1)
            if not self.top_p:
                raise ValueError("top_p must be above 0; take top_k=1 for the likeliest value.")
        check_integer("steps", self.steps, 1)


PriorName = Literal["gpt", "maskgit"]
PriorConfig = GPTConfig | MaskGITConfig

CONFIGS: Mapping[PriorName, type[PriorConfig]] = {"gpt": GPTConfig, "maskgit": MaskGITConfig}
"""The sizes of each prior; `registry.PRIORS` has what is made of them."""


def prior_name_of(config: PriorConfig) -> PriorName:
    """The name of the prior whose sizes these are."""
    return next(name for name in get_args(PriorName) if type(config) is CONFIGS[name])
