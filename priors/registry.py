"""The priors by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from priors.gpt import GPT
from priors.layout import CodeLayout
from priors.maskgit import MaskGIT
from priors.prior import Prior
from priors.settings import PriorConfig, PriorName, prior_name_of

PRIORS: Mapping[PriorName, Callable[[Any, CodeLayout, int], Prior]] = {"gpt": GPT, "maskgit": MaskGIT}
"""What is made of each prior's sizes, a layout and a number of classes."""


def create_prior(config: PriorConfig, layout: CodeLayout, classes: int = 0) -> Prior:
    """A fresh prior over the tokens of a layout, given one of so many classes, or none at 0."""
    return PRIORS[prior_name_of(config)](config, layout, classes)
