"""Sizes of the priors and how they are drawn from, apart from the networks: to read them needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, get_args

from annotated_types import Interval

from autoencoders.ranges import Count, PartialShare, Parts, Share, Size, check_ranges
from quantizers.options import check_flag

Temperature = Annotated[float, Interval(ge=1e-6, le=1e6)]
"""Logits over it stay finite in float32."""
Factor = Annotated[float, Interval(ge=0, le=1e6)]
"""Likewise for what logits and confidences are multiplied with."""


@dataclass(frozen=True)
class TransformerPriorConfig:
    """Sizes that all priors have."""

    by_scale: ClassVar[bool] = False
    """Whether the prior is one over the scales of a `multi-scale` quantizer."""

    width: Size = 256
    """Channels of a token."""
    layers: Parts = 6
    """Transformer blocks."""
    heads: Parts = 4
    """Attention heads of a block; they share the width out."""
    dropout: PartialShare = 0.1
    """Share of inputs, attention weights and branches' outputs that is dropped in training."""
    rotary: bool = False
    """Rotary places along each axis of a map (Su et al. 2021, arXiv:2104.09864), instead of a learned vector each."""
    label_dropout: Share = 0.1
    """Share of labels that training hides, so that sampling can be guided."""

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of the {self.heads} heads, got {self.width}.")
        check_flag("rotary", self.rotary)


@dataclass(frozen=True)
class GPTConfig(TransformerPriorConfig):
    """Sizes of the transformer."""

    depth_layers: Parts = 2
    """Blocks of the depth part, which is there where a position has several tokens and they are not flattened."""
    tie_weights: bool = False
    """Whether the vectors of the tokens are also those that logits are products with."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flag("tie_weights", self.tie_weights)


@dataclass(frozen=True)
class MaskGITConfig(TransformerPriorConfig):
    """Sizes of the transformer."""


@dataclass(frozen=True)
class VARConfig(TransformerPriorConfig):
    """Sizes of the transformer. The paper's model of depth d has d layers, d heads and a width of 64 d."""

    by_scale: ClassVar[bool] = True


@dataclass(frozen=True)
class Sampling:
    """What becomes of the logits before a token is drawn. The defaults draw from the model as it is."""

    temperature: Temperature = 1.0
    """Divides the logits."""
    top_k: Count | None = None
    """Draw from this many of the likeliest values."""
    top_p: Share | None = None
    """Draw from the fewest values, likeliest first, that have this probability together (nucleus sampling)."""
    guidance: Factor = 1.0
    """Scale of classifier-free guidance; 1 is none."""
    steps: Count = 8
    """MaskGIT: forward passes that a picture is made in."""
    choice_temperature: Factor = 4.5
    """MaskGIT: Gumbel noise on the confidence by which tokens are kept, at first; it falls to 0."""

    def __post_init__(self) -> None:
        for name in ("temperature", "top_p"):
            if getattr(self, name) == 0:
                raise ValueError(f"{name} must be above 0; take top_k=1 for the likeliest value.")
        check_ranges(self)


PriorName = Literal["gpt", "maskgit", "var"]
PriorConfig = GPTConfig | MaskGITConfig | VARConfig

CONFIGS: Mapping[PriorName, type[PriorConfig]] = {"gpt": GPTConfig, "maskgit": MaskGITConfig, "var": VARConfig}
"""The sizes of each prior; `registry.PRIORS` has what is made of them."""


def prior_name_of(config: PriorConfig) -> PriorName:
    """The name of the prior whose sizes these are."""
    return next(name for name in get_args(PriorName) if type(config) is CONFIGS[name])
