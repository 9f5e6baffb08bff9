"""The priors by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from priors.gpt import GPT
from priors.layout import CodeLayout
from priors.maskgit import MaskGIT
from priors.prior import Prior
from priors.settings import PriorConfig, PriorName, prior_name_of
from priors.var import VAR
from quantizers import Quantizer

PRIORS: Mapping[PriorName, Callable[..., Prior]] = {"gpt": GPT, "maskgit": MaskGIT, "var": VAR}
"""What is made of each prior's sizes, a layout, a number of classes and, by scale, the quantizers."""


def create_prior(
    config: PriorConfig, layout: CodeLayout, classes: int = 0, quantizers: Sequence[Quantizer] = ()
) -> Prior:
    """A fresh prior over the tokens of a layout, given one of so many classes, or none at 0.

    Args:
        config: its sizes, and so its kind.
        layout: of the codes; of a tokenizer, `CodeLayout.of(tokenizer, extent, by_scale=config.by_scale)`.
        classes: number of labels.
        quantizers: of the tokenizer; a prior by scale keeps a copy, the others need none.

    Raises:
        ValueError: a layout or quantizers that the prior is none over.
    """
    make = PRIORS[prior_name_of(config)]
    return make(config, layout, classes, quantizers) if config.by_scale else make(config, layout, classes)
