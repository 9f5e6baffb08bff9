from .gpt import GPT as GPT
from .layout import CodeLayout as CodeLayout
from .maskgit import MaskGIT as MaskGIT
from .prior import Prior as Prior
from .registry import PRIORS as PRIORS, create_prior as create_prior
from .sampling import SamplingStopped as SamplingStopped
from .settings import (
    GPTConfig as GPTConfig,
    MaskGITConfig as MaskGITConfig,
    PriorConfig as PriorConfig,
    PriorName as PriorName,
    Sampling as Sampling,
    VARConfig as VARConfig,
    prior_name_of as prior_name_of,
)
from .var import VAR as VAR
