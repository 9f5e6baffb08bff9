"""Tokenizers that others trained: their files read, their names turned into ours.

`files` reads tensors without running anything; each of the other modules knows the names of one code base, and
`registry` has them all by name.
"""

from autoencoders.pretrained.diffusers import load_diffusers
from autoencoders.pretrained.files import WeightsError, read_tensors
from autoencoders.pretrained.llamagen import load_llamagen
from autoencoders.pretrained.model import Pretrained
from autoencoders.pretrained.registry import find_pretrained, list_pretrained, load_pretrained
from autoencoders.pretrained.taming import load_taming
from autoencoders.pretrained.var import load_var

__all__ = [
    "Pretrained",
    "WeightsError",
    "find_pretrained",
    "list_pretrained",
    "load_diffusers",
    "load_llamagen",
    "load_pretrained",
    "load_taming",
    "load_var",
    "read_tensors",
]
