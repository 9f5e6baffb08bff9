"""The priors by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, get_args

from priors.gpt import GPT, GPTConfig
from priors.layout import CodeLayout
from priors.maskgit import MaskGIT, MaskGITConfig
from priors.prior import Prior

PriorName = Literal["gpt", "maskgit"]
PriorConfig = GPTConfig | MaskGITConfig


class PriorKind(NamedTuple):
    """One kind of prior: the sizes that it has, and what is made of them, a layout and a number of classes."""

    config: type[PriorConfig]
    prior: Callable[[Any, CodeLayout, int], Prior]


PRIORS: Mapping[PriorName, PriorKind] = {
    "gpt": PriorKind(GPTConfig, GPT),
    "maskgit": PriorKind(MaskGITConfig, MaskGIT),
}


def prior_name_of(config: PriorConfig) -> PriorName:
    """The name of the prior whose sizes these are."""
    return next(name for name in get_args(PriorName) if type(config) is PRIORS[name].config)


def create_prior(config: PriorConfig, layout: CodeLayout, classes: int = 0) -> Prior:
    """A fresh prior over the tokens of a layout, given one of so many classes, or none at 0."""
    return PRIORS[prior_name_of(config)].prior(config, layout, classes)
