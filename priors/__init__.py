"""Distributions over the codes of a tokenizer: what makes new pictures, and what their codes truly cost."""

from priors.gpt import GPT, GPTConfig
from priors.layout import CodeLayout
from priors.maskgit import MaskGIT, MaskGITConfig
from priors.prior import Prior
from priors.registry import PRIORS, PriorConfig, PriorName, create_prior, prior_name_of
from priors.sampling import Sampling, SamplingStopped

__all__ = [
    "GPT",
    "PRIORS",
    "CodeLayout",
    "GPTConfig",
    "MaskGIT",
    "MaskGITConfig",
    "Prior",
    "PriorConfig",
    "PriorName",
    "Sampling",
    "SamplingStopped",
    "create_prior",
    "prior_name_of",
]
